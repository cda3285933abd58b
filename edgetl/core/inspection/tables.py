"""Findings → tables for the terminal, one for each kind that there are findings of."""

from collections.abc import Sequence

from edgetl.core.inspection.findings import Inspection
from edgetl.core.inspection.photo_findings import count_suspects, describe_suspect
from edgetl.core.records import Photo
from edgetl.core.report.tables import Table

# Thousands of findings must not fill the screen: the page and the CSV file have all of them.
_MOST_ROWS = 10
_LISTED = 3


def tabulate_inspection(inspection: Inspection, photos: Sequence[Photo]) -> list[Table]:
    """Tabulate the findings. Long lists are cut, with the number of all findings in the title.

    Args:
        inspection: the findings.
        photos: in the order of their rows.
    """
    tables = (
        _tabulate_classes(inspection, photos),
        _tabulate_suspects(inspection, photos),
        _tabulate_bad_photos(inspection, photos),
        _tabulate_pairs(inspection),
        _tabulate_curves(inspection),
        _tabulate_shortcuts(inspection),
    )
    return [table for table in tables if table[2]]


def format_gain(low: float, high: float, gain: float) -> str:
    """Format a change of accuracy in points with its interval, as in "+0.9 (0.2 … 1.7)"."""
    return f"{gain * 100:+.1f} ({low * 100:.1f} … {high * 100:.1f})"


def _tabulate_classes(inspection: Inspection, photos: Sequence[Photo]) -> Table:
    wrong = count_suspects(inspection.suspects, photos)
    rows = [
        [name, f"{count}", f"{recall:.1%}", f"{wrong[label]}"]
        for label, (name, count, recall) in enumerate(
            zip(inspection.classes, inspection.counts, inspection.recalls, strict=True)
        )
    ]
    rest = rows[_MOST_ROWS:]
    shown = rows[:_MOST_ROWS] + ([[f"{len(rest)} further classes", "", "", ""]] if rest else [])
    if any(photo.labels for photo in photos):
        title = f"{len(photos)} photos; heads on the frozen base decide {inspection.accuracy:.1%} of the labels right"
        return title, ["label", "photos", "recall", "likely wrong labels"], shown
    title = f"{len(photos)} photos; heads on the frozen base predict {inspection.accuracy:.1%} of them right"
    return title, ["class", "photos", "recall", "likely wrong labels"], shown


def _tabulate_suspects(inspection: Inspection, photos: Sequence[Photo]) -> Table:
    classes = inspection.classes
    rows = [
        [
            *describe_suspect(classes, photos[suspect.row], suspect),
            f"{suspect.score:.3f}",
            photos[suspect.row].path,
        ]
        for suspect in inspection.suspects[:_MOST_ROWS]
    ]
    title = f"likely wrong labels: {len(inspection.suspects)}, the most likely first; score: probability of the label"
    return title, ["label", "suggested", "score", "photo"], rows


def _tabulate_bad_photos(inspection: Inspection, photos: Sequence[Photo]) -> Table:
    rows_of: dict[str, list[int]] = {}
    for bad in inspection.bad_photos:
        rows_of.setdefault(bad.problem, []).append(bad.row)
    rows = [
        [problem, f"{len(found)}", ", ".join(photos[row].path for row in found[:_LISTED])]
        for problem, found in rows_of.items()
    ]
    if inspection.groups:
        count = sum(map(len, inspection.groups))
        examples = ", ".join(photos[group[0]].path for group in inspection.groups[:_LISTED])
        rows.append(["near duplicates or bursts", f"{count}", examples])
    outliers = [point.row for point in inspection.points if point.outlier]
    if outliers:
        rows.append(
            ["unlike all others", f"{len(outliers)}", ", ".join(photos[row].path for row in outliers[:_LISTED])]
        )
    return "photos to look at", ["what", "photos", "as in"], rows


def _tabulate_pairs(inspection: Inspection) -> Table:
    rows = [
        [inspection.classes[pair.label], inspection.classes[pair.predicted], f"{pair.photos} of {pair.total}"]
        for pair in inspection.pairs[:_MOST_ROWS]
    ]
    return "classes that heads confuse", ["class", "predicted as", "photos"], rows


def _tabulate_curves(inspection: Inspection) -> Table:
    rows = [
        [
            "all classes" if curve.label < 0 else inspection.classes[curve.label],
            f"{curve.accuracies[-1]:.1%}",
            f"{curve.more}",
            format_gain(curve.gain_low, curve.gain_high, curve.gain),
        ]
        for curve in inspection.curves[: _MOST_ROWS + 1]
    ]
    title = "what more photos are likely to change, in points of accuracy, or of recall of a class (90 % interval)"
    return title, ["class", "now", "more photos", "change"], rows


def _tabulate_shortcuts(inspection: Inspection) -> Table:
    rows = [
        [shortcut.name, f"{shortcut.accuracy:.1%}", f"{shortcut.low:.1%}", f"{shortcut.chance:.1%}"]
        for shortcut in inspection.shortcuts
        if shortcut.is_shortcut
    ]
    title = "shortcuts: these predict the class without looking at the content, and a network may learn them"
    return title, ["what", "balanced accuracy", "at least", "guessing"], rows
