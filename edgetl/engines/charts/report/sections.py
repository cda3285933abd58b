"""The sections of the report, in the order in which they are read. A new one is a module, a template and a row here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from markupsafe import Markup

from edgetl.core.inspection.report_section import collect_inspection
from edgetl.core.microcontroller.report_section import collect_memory
from edgetl.core.report_page import (
    answers,
    changed_photos,
    classes,
    devices,
    glance,
    heat_maps,
    ladder,
    layers,
    ledger,
    photos,
    reliability,
    repeat,
    robustness,
    training,
)
from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.engines.charts.report.coverage_chart import draw_coverage
from edgetl.engines.charts.report.ladder_chart import draw_ladder
from edgetl.engines.charts.report.reliability_diagram import draw_reliability
from edgetl.engines.charts.report.training_curves import draw_training_curves

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
        place: those about the run, and not about a target, are before the sections of the first target or after
            those of the last one.
    """

    name: str
    title: str
    collect: Callable[[RunFacts, TargetFacts], Values | None]
    draw: Callable[[Values, str], dict[str, Markup]] | None = None
    place: Literal["first", "target", "last"] = "target"


SECTIONS: tuple[Section, ...] = (
    Section("inspection", "Your photos", collect_inspection, place="first"),
    Section("glance", "One glance", glance.collect_glance),
    Section("classes", "Confused classes", classes.collect_classes),
    Section("changed_photos", "Photos that broke or were fixed", changed_photos.collect_changed_photos),
    Section("heat_maps", "Where the models look", heat_maps.collect_heat_maps),
    Section("ladder", "The choice of a file", ladder.collect_ladder, draw_ladder),
    Section("ledger", "Where accuracy was lost", ledger.collect_ledger),
    Section("layers", "Errors of the layers", layers.collect_layers),
    Section("reliability", "Are the probabilities right?", reliability.collect_reliability, draw_reliability),
    Section("answers", "Unsure, and none of these", answers.collect_answers, draw_coverage),
    Section("robustness", "In bad light", robustness.collect_robustness),
    Section("memory", "On a microcontroller", collect_memory),
    Section("devices", "Measured on devices", devices.collect_devices),
    Section("photos", "The photos", photos.collect_photos, place="last"),
    Section("training", "Training", training.collect_training, draw_training_curves, place="last"),
    Section("repeat", "Repeat it", repeat.collect_repeat, place="last"),
)
