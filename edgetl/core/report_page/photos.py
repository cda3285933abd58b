"""The photos of a run: how many of each class are in each part, and what was left out."""

from collections import Counter
from typing import Any

from edgetl.core.records import Dataset
from edgetl.core.report.left_out import count_reasons
from edgetl.core.report_page.facts import RunFacts, TargetFacts

# Hundreds of classes must not fill the page: those with the fewest photos are shown.
_CLASSES = 100


def collect_photos(run: RunFacts, target: TargetFacts) -> dict[str, Any]:  # noqa: ARG001  (one form for all sections)
    """Collect the counts, and the command that looks into the photos."""
    rows = _count_photos(run.dataset)
    fewest = sorted(range(len(rows)), key=lambda index: (rows[index]["total"], index))[:_CLASSES]
    return {
        "thing": "label" if run.dataset.multi_label else "class",
        "rows": [rows[index] for index in sorted(fewest)],
        "total": len(rows),
        "parts": {name: len(run.dataset.part(name)) for name in ("train", "validation", "test")},
        "notes": run.dataset.notes,
        "reasons": count_reasons(run.dataset.left_out),
        "command": run.commands.get("inspect", ""),
    }


def _count_photos(dataset: Dataset) -> list[dict[str, Any]]:
    counts = {
        name: Counter(label for photo in dataset.part(name) for label in photo.list_classes())
        for name in ("train", "validation", "test")
    }
    return [
        {
            "name": name,
            **{part: counts[part][index] for part in counts},
            "total": sum(counts[part][index] for part in counts),
        }
        for index, name in enumerate(dataset.classes)
    ]
