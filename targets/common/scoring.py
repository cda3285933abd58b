"""A folder of photos, in it a folder for each label, and a model → how many it names right here, and every answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import classify  # type: ignore[import-not-found]
import figures  # type: ignore[import-not-found]
import pixels  # type: ignore[import-not-found]


class FolderError(ValueError):
    """The folder does not say what its photos show. The message is one sentence."""


def listed(folder: Path, labels: Sequence[str]) -> list[tuple[Path, int]]:
    """The photos of a folder, in the order of their paths, each with the index of its label.

    Args:
        folder: holds a folder for each label, named like it; a label may be missing.
        labels: the model's.

    Raises:
        FolderError: no such folder, something else in it, or no photos.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder}: no such folder")
    photos: list[tuple[Path, int]] = []
    for inside in sorted(folder.iterdir()):
        if not inside.is_dir() or inside.name not in labels:
            known = ", ".join(labels)
            raise FolderError(f"{inside} is no folder named after a label; the model's labels are {known}")
        found = sorted(path for path in inside.rglob("*") if path.suffix.lower() in classify.SUFFIXES)
        photos += [(path, labels.index(inside.name)) for path in found]
    if not photos:
        raise FolderError(f"{folder}: no photos in it")
    return photos


def scored(
    model: Any, facts: dict[str, Any], folder: Path, between: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """What the model answers to every photo, and how often it is right.

    Args:
        model: a runtime.Model.
        facts: the content of model.json.
        folder: see `listed`.
        between: called after each photo.

    Returns:
        photos, right, accuracy with its interval, per_label as label → photos and right, unreadable as photo → why,
        and answers: for each photo its path in the folder, the index of its label, and its probabilities in the order
        of the labels. A photo that cannot be read is not counted.

    Raises:
        FolderError: see `listed`; or none of the photos can be read.
    """
    shape, labels = facts["input"], facts["output"]["labels"]
    per_label = {label: {"photos": 0, "right": 0} for label in labels}
    answers: list[dict[str, Any]] = []
    unreadable: dict[str, str] = {}
    for path, truth in listed(folder, labels):
        name = path.relative_to(folder).as_posix()
        try:
            image = pixels.load(path, shape["side_px"], shape["fit"])
        except pixels.PhotoError as error:
            unreadable[name] = str(error)
            continue
        found = list(classify.probabilities(model.numbers(model.outputs(image)), labels).values())
        # Of equal ones the first, as everywhere in the build.
        right = found.index(max(found)) == truth
        per_label[labels[truth]]["photos"] += 1
        per_label[labels[truth]]["right"] += right
        answers.append({"photo": name, "label": truth, "probabilities": [round(value, 7) for value in found]})
        between()
    if not answers:
        raise FolderError(
            f"{folder}: none of its {len(unreadable)} photos can be read, as {json.dumps(unreadable)[:200]}"
        )
    total = sum(row["right"] for row in per_label.values())
    return {
        "photos": len(answers),
        "right": total,
        "accuracy": figures.share(total, len(answers)),
        "per_label": per_label,
        "unreadable": unreadable,
        "answers": answers,
    }
