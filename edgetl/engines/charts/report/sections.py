"""The sections of the report, in the order in which they are read. A new one is a module, a template and a row here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from edgetl.core.report_page import changed_photos, classes, glance
from edgetl.core.report_page.facts import RunFacts, TargetFacts

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report.

    Attributes:
        name: of its template in `core/pages/templates/report`, and its anchor in the page.
        title: its heading.
        collect: returns the values of the template, which has them as `v`; None leaves the section out.
        draw: returns the charts of these values, by name, as `charts` of the template. Its second argument is unique in
            the page, because charts have names of their own.
        shared: whether it is about the run, and the same for each of its targets.
    """

    name: str
    title: str
    collect: Callable[[RunFacts, TargetFacts], Values | None]
    draw: Callable[[Values, str], dict[str, Markup]] | None = None
    shared: bool = False


SECTIONS: tuple[Section, ...] = (
    Section("glance", "One glance", glance.collect_glance),
    Section("classes", "Confused classes", classes.collect_classes),
    Section("changed_photos", "Photos that broke or were fixed", changed_photos.collect_changed_photos),
)
