"""Findings → the JSON value of `edgetl inspect --json`, with paths and class names in place of rows and labels."""

from collections.abc import Sequence
from typing import Any

from edgetl.core.inspection.findings import Inspection
from edgetl.core.inspection.photo_findings import describe_suspect
from edgetl.core.records import Photo


def dump_inspection(inspection: Inspection, photos: Sequence[Photo]) -> dict[str, Any]:
    """Return the findings as plain values. The map, with a point for each photo, is in the folder only.

    Args:
        inspection: the findings.
        photos: in the order of their rows.
    """
    classes = inspection.classes

    def name(row: int) -> str:
        return photos[row].path

    return {
        "photos": len(photos),
        "accuracy": inspection.accuracy,
        "classes": [
            {"name": label, "photos": count, "recall": recall}
            for label, count, recall in zip(classes, inspection.counts, inspection.recalls, strict=True)
        ],
        "wrong_labels": [
            {
                "path": name(suspect.row),
                **dict(
                    zip(("label", "suggested"), describe_suspect(classes, photos[suspect.row], suspect), strict=True)
                ),
                "score": suspect.score,
                "neighbours": [name(row) for row in suspect.neighbours],
            }
            for suspect in inspection.suspects
        ],
        "bad_photos": [
            {"path": name(bad.row), "problem": bad.problem, "detail": bad.detail} for bad in inspection.bad_photos
        ],
        "near_duplicates": [[name(row) for row in rows] for rows in inspection.groups],
        "outliers": [name(point.row) for point in inspection.points if point.outlier],
        "confused_pairs": [
            {
                "label": classes[pair.label],
                "predicted": classes[pair.predicted],
                "photos": pair.photos,
                "total": pair.total,
                "between": [name(row) for row in pair.between],
            }
            for pair in inspection.pairs
        ],
        "learning_curves": [
            {
                "class": "" if curve.label < 0 else classes[curve.label],
                **curve.model_dump(mode="json", exclude={"label"}),
            }
            for curve in inspection.curves
        ],
        "shortcuts": [shortcut.model_dump(mode="json") for shortcut in inspection.shortcuts],
    }
