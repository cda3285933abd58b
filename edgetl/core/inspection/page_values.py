"""Findings, photos and thumbnails → the values of the template inspection.html."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from edgetl.core.inspection.findings import Inspection, Suspect
from edgetl.core.inspection.photo_findings import count_suspects, describe_pair, describe_photo_labels, describe_suspect
from edgetl.core.inspection.tables import format_gain
from edgetl.core.pages.thumbnails import Thumbnails
from edgetl.core.records import Photo

# What is shown of each kind; the CSV file and the JSON have all.
_SUSPECTS, _BAD, _GROUPS, _IN_GROUP, _PAIRS = 60, 12, 20, 8, 12
_POINTS_WITH_PHOTO = 1200
_COLOURS = 8
# The map, in units of its picture.
_WIDTH, _HEIGHT, _MARGIN, _IMAGE = 1000, 760, 20, 96
# Test photos for a limit of one point, paired: (1.645 + 0.842)² · disagreement / limit².
_DISAGREEMENTS, _SQUARE = (0.01, 0.02, 0.03, 0.05), 6.183


def collect_values(inspection: Inspection, photos: Sequence[Photo], thumbnails: Thumbnails) -> dict[str, Any]:
    """Collect what the page shows, without its title, its commands and its chart.

    Args:
        inspection: the findings.
        photos: in the order of their rows.
        thumbnails: makes the pictures, the most important ones first: its budget may end.
    """
    classes = inspection.classes

    def show(row: int, side_px: int) -> dict[str, str]:
        photo = photos[row]
        return {
            "uri": thumbnails.make(row, side_px),
            "path": photo.path,
            "label": describe_photo_labels(classes, photo),
        }

    wrong = count_suspects(inspection.suspects, photos)
    return {
        "total": len(photos),
        "multi_label": any(photo.labels for photo in photos),
        "accuracy": inspection.accuracy,
        "classes": [
            {"name": name, "photos": count, "recall": recall, "suspects": wrong[label]}
            for label, (name, count, recall) in enumerate(
                zip(classes, inspection.counts, inspection.recalls, strict=True)
            )
        ],
        "suspects_total": len(inspection.suspects),
        "suspects": [
            {
                "shown": show(suspect.row, 112),
                **_describe(classes, photos, suspect),
                "score": suspect.score,
                "neighbours": [show(row, 48) for row in suspect.neighbours],
            }
            for suspect in inspection.suspects[:_SUSPECTS]
        ],
        "bad_total": len(inspection.bad_photos),
        "bad": [
            {
                "problem": problem,
                "total": len(rows),
                "photos": [{"shown": show(bad.row, 96), "detail": bad.detail} for bad in rows[:_BAD]],
            }
            for problem, found in groupby(
                sorted(inspection.bad_photos, key=lambda bad: bad.problem), key=lambda bad: bad.problem
            )
            for rows in [list(found)]
        ],
        "groups_total": len(inspection.groups),
        "groups": [
            {"total": len(rows), "photos": [show(row, 72) for row in rows[:_IN_GROUP]]}
            for rows in inspection.groups[:_GROUPS]
        ],
        "pairs": [describe_pair(classes, pair, show) for pair in inspection.pairs[:_PAIRS]],
        "outliers_total": sum(point.outlier for point in inspection.points),
        "points": _place_points(inspection, photos, thumbnails),
        "legend": [{"name": name, "colour": label} for label, name in enumerate(classes)]
        if len(classes) <= _COLOURS
        else [],
        "curves": [
            {
                "name": "" if curve.label < 0 else classes[curve.label],
                "now": curve.accuracies[-1],
                "more": curve.more,
                "gain": format_gain(curve.gain_low, curve.gain_high, curve.gain),
            }
            for curve in inspection.curves
        ],
        "needed": [
            {"disagreement": disagreement, "photos": f"{round(_SQUARE * disagreement / 0.01**2):,}"}
            for disagreement in _DISAGREEMENTS
        ],
        "shortcuts": [shortcut.model_dump() for shortcut in inspection.shortcuts],
        "warnings": _list_warnings(inspection),
    }


def _describe(classes: Sequence[str], photos: Sequence[Photo], suspect: Suspect) -> dict[str, str]:
    label, suggested = describe_suspect(classes, photos[suspect.row], suspect)
    return {"label": label, "suggested": suggested}


def _place_points(inspection: Inspection, photos: Sequence[Photo], thumbnails: Thumbnails) -> list[dict[str, Any]]:
    # Outliers are drawn last, above the others, and are the first to have a photo.
    points = sorted(inspection.points, key=lambda point: point.outlier)
    uris = {point.row: thumbnails.make(point.row, 48) for point in points[::-1][:_POINTS_WITH_PHOTO]}
    placed = []
    for point in points:
        x = _MARGIN + point.x * (_WIDTH - 2 * _MARGIN)
        y = _MARGIN + point.y * (_HEIGHT - 2 * _MARGIN)
        photo = photos[point.row]
        placed.append(
            {
                "x": f"{x:.0f}",
                "y": f"{y:.0f}",
                # Beside the dot, and inside the picture.
                "image_x": f"{min(x + 8, _WIDTH - _IMAGE):.0f}",
                "image_y": f"{min(y + 8, _HEIGHT - _IMAGE):.0f}",
                "outlier": point.outlier,
                "colour": photo.label % _COLOURS,
                "uri": uris.get(point.row, ""),
                "label": describe_photo_labels(inspection.classes, photo),
                "path": photo.path,
            }
        )
    return placed


def _list_warnings(inspection: Inspection) -> list[str]:
    """List what a user must know first, in sentences without names of strangers."""
    names = [shortcut.name for shortcut in inspection.shortcuts if shortcut.is_shortcut]
    return (
        [f"The {', the '.join(names)} alone predict the class far better than guessing: see Shortcuts."]
        if names
        else []
    )
