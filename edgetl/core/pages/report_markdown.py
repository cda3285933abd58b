"""Facts of a run → Markdown for a pull request: the most important sections of the report, as text and tables."""

from collections.abc import Iterator, Sequence
from typing import Any

from edgetl.core.pages.markdown import escape_markdown, format_code, format_table
from edgetl.core.report.changes import HOP_COLUMNS, list_hop_cells
from edgetl.core.report_page.changed_photos import list_changed_photos
from edgetl.core.report_page.facts import RunFacts, TargetFacts
from edgetl.core.report_page.glance import describe_outcome, list_facts
from edgetl.core.report_page.heat_maps import collect_heat_maps
from edgetl.core.report_page.ladder import collect_ladder
from edgetl.core.report_page.repeat import COST_COLUMNS, list_costs
from edgetl.core.report_page.robustness import collect_robustness

# Of each kind. A comment of a pull request has at most 65536 characters.
_MOST = 20
_KINDS = {"broke": "broke", "fixed": "are fixed"}


def render_report_markdown(run: RunFacts, targets: Sequence[TargetFacts]) -> str:
    """Render the most important sections, without pictures."""
    blocks = [f"# edgetl: {format_code(run.title)}"]
    for target in targets:
        if len(targets) > 1:
            blocks.append(f"## {escape_markdown(target.result.target)}")
        blocks += _render_target(run, target)
    if costs := list_costs(run):
        blocks += ["### What the stages took", format_table(COST_COLUMNS, costs, numbers=[1, 2, 3])]
    if "report" in run.commands:
        blocks.append(f"All sections and pictures: {format_code(run.commands['report'])}")
    return "\n\n".join(blocks) + "\n"


def _render_target(run: RunFacts, target: TargetFacts) -> Iterator[str]:
    verdict = target.result.verdict
    yield f"**{verdict.outcome}**: {escape_markdown(' '.join(describe_outcome(verdict)))}"
    yield format_table(["figure", "value"], list_facts(target), numbers=[1])
    yield "### The choice of a file"
    ladder = collect_ladder(run, target)
    columns = ["method", "accuracy", "change, points", "bounds", "size", "chosen, or why not"]
    yield format_table(columns, [_list_attempt_cells(row) for row in ladder["rows"]], numbers=[1, 2, 3, 4])
    if verdict.hops:
        yield "### Where accuracy was lost"
        yield format_table(HOP_COLUMNS, list_hop_cells(verdict.hops, verdict.measure), numbers=range(1, 8))
    yield from _render_changes(run, target)
    yield from _render_heat_maps(run, target)
    yield from _render_robustness(run, target)


def _list_attempt_cells(row: dict[str, Any]) -> list[str]:
    if not row["drawn"]:
        return [row["method"], "", "", "", "", row["reason"]]
    return [row["method"], f"{row['accuracy']:.1%}", row["change"], row["bounds"], row["size"], row["reason"]]


def _render_changes(run: RunFacts, target: TargetFacts) -> Iterator[str]:
    changes = list_changed_photos(target)
    things = "decisions" if target.has_labels else "photos"
    for kind, words in _KINDS.items():
        rows = [change for change in changes if change["kind"] == kind]
        if not rows:
            continue
        yield f"### {len(rows)} {things if len(rows) > 1 else things[:-1]} {words}"
        lines = [_describe_change(run, target, change) for change in rows[:_MOST]]
        more = [f"- and {len(rows) - _MOST} more"] if len(rows) > _MOST else []
        yield "\n".join([*lines, *more])


def _render_heat_maps(run: RunFacts, target: TargetFacts) -> Iterator[str]:
    values = collect_heat_maps(run, target)
    if values is None:
        return
    yield "### Where the models look"
    if values["reason"]:
        yield f"There are no heat maps of this model: {escape_markdown(values['reason'])}."
        return
    figures = [
        ["mean correlation of the heat maps of Keras and of the file", f"{values['mean']:.3f}"],
        ["lowest", f"{values['lowest']:.3f}"],
        ["below 0.9", f"{values['below']} of {values['sampled']} photos drawn at random"],
    ]
    yield format_table(["figure", "value"], figures, numbers=[1])
    columns = ["maps that differ most", "Keras predicts", f"{values['method']} predicts", "correlation"]
    rows = [
        [
            row["shown"]["path"],
            row["pictures"][0]["label"],
            row["pictures"][-1]["label"],
            f"{row['correlation']:.3f}",
        ]
        for row in values["different"]
    ]
    yield format_table(columns, rows, numbers=[3])


def _render_robustness(run: RunFacts, target: TargetFacts) -> Iterator[str]:
    values = collect_robustness(run, target)
    if values is None:
        return
    yield "### In bad light"
    yield escape_markdown(" ".join(values["sentences"]))
    columns = ["photos", "severity", "Keras", values["method"], "difference, points", "interval"]
    rows = [
        [
            row["name"],
            f"{row['severity'] or ''}",
            f"{row['keras']:.1%}",
            f"{row['file']:.1%}",
            f"{row['points']:+.1f}",
            f"{row['low']:+.1f} … {row['high']:+.1f}",
        ]
        for row in values["rows"]
    ]
    yield format_table(columns, rows, numbers=range(1, 6))


def _describe_change(run: RunFacts, target: TargetFacts, change: dict[str, Any]) -> str:
    row = change["row"]
    path = format_code(run.photos[row].path)
    if target.has_labels:
        column = change["column"]
        scores = f"Keras {target.reference[row, column]:.3f}, {target.result.method} {target.artifact[row, column]:.3f}"
        return f"- {path}, label {format_code(run.classes[column])}: {scores}"
    before, after = change["before"], change["after"]
    return (
        f"- {path}, class {format_code(run.classes[target.truth[row]])}: "
        f"Keras {format_code(run.classes[before])} ({target.reference[row, before]:.3f}), "
        f"{target.result.method} {format_code(run.classes[after])} ({target.artifact[row, after]:.3f})"
    )
