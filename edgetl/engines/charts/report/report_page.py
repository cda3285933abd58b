"""Facts of a run → report.html: one file, whose sections are those that the run has results for."""

from pathlib import Path
from typing import Any

from edgetl.core.pages.page import render_page
from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.storage.files import write_text
from edgetl.engines.charts.report.sections import SECTIONS, Section


def write_report_page(path: Path, run: RunFacts, targets: tuple[TargetFacts, ...], version: str) -> tuple[str, ...]:
    """Write the page.

    Args:
        path: the page.
        run: what is known of the run.
        targets: what is known of each target, at least one.
        version: of edgetl.

    Returns:
        The names of its sections, each once.
    """
    text, names = render_report_page(run, targets, version)
    write_text(path, text)
    return names


def render_report_page(run: RunFacts, targets: tuple[TargetFacts, ...], version: str) -> tuple[str, tuple[str, ...]]:
    """Render the page, and return its text and the names of its sections: see `write_report_page`."""
    several = len(targets) > 1
    parts: list[dict[str, Any]] = []
    for number, target in enumerate(targets):
        # What is the same for each target is shown once, before the first one or after the last one.
        places = {"target", *(["first"] if not number else []), *(["last"] if number == len(targets) - 1 else [])}
        rows = [row for row in SECTIONS if row.place in places]
        sections = [
            _fill(row, run, target, number) for row in sorted(rows, key=lambda row: row.place == "last" and several)
        ]
        known = list(filter(None, sections))
        glance = next(section for section in known if section["name"] == "glance")
        parts.append({"target": target.result.target if several else "", "sections": known, "glance": glance})
    values = {
        "title": run.title,
        "network": f"{run.trained.base} at {run.trained.input.size}",
        "parts": parts,
        "notes": [*run.notes, *_list_thumbnail_notes(run)],
        "version": version,
    }
    names = tuple(dict.fromkeys(section["name"] for part in parts for section in part["sections"]))
    return render_page("report.html", values), names


def _fill(section: Section, run: RunFacts, target: TargetFacts, number: int) -> dict[str, Any] | None:
    values = section.collect(run, target)
    if values is None:
        return None
    anchor = f"{section.name}-{number + 1}" if number and section.place == "target" else section.name
    charts = section.draw(values, anchor) if section.draw else {}
    return {"name": section.name, "title": section.title, "anchor": anchor, "values": values, "charts": charts}


def _list_thumbnail_notes(run: RunFacts) -> list[str]:
    count = run.thumbnails.left_out + run.inspected_thumbnails.left_out
    return [f"{count} pictures are left out, so that the page stays small."] if count else []
