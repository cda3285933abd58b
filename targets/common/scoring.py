"""Accuracy on labelled photos: a folder with one sub-folder per label and a model in, predictions and accuracy out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import classify  # type: ignore[import-not-found]
import latency_statistics  # type: ignore[import-not-found]
import pixels  # type: ignore[import-not-found]


class FolderError(ValueError):
    """The folder cannot be used as labelled photos. The message is one sentence."""


def list_labelled_photos(folder: Path, labels: Sequence[str]) -> list[tuple[Path, int]]:
    """List the photos of a folder, sorted by path, each with the index of its label.

    Args:
        folder: contains one folder per label, with the name of the label. Labels without photos may be missing.
        labels: the labels of the model.

    Raises:
        FolderError: the folder is missing, contains anything else, or contains no photos.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder}: no such folder")
    photos: list[tuple[Path, int]] = []
    for label_folder in sorted(folder.iterdir()):
        # A misspelt label must not lower the accuracy silently, so anything unknown is an error.
        if not label_folder.is_dir() or label_folder.name not in labels:
            raise FolderError(
                f"{label_folder} is not a folder named after a label; the labels of the model are {', '.join(labels)}"
            )
        paths = sorted(path for path in label_folder.rglob("*") if path.suffix.lower() in classify.SUFFIXES)
        photos += [(path, labels.index(label_folder.name)) for path in paths]
    if not photos:
        raise FolderError(f"{folder}: contains no photos")
    return photos


def check_one_class(facts: dict[str, Any]) -> None:
    """Check that a photo has one class. Raises FolderError for a model with several labels: a folder is one label."""
    if facts["output"].get("thresholds"):
        raise FolderError("--photos needs a model with one class for each photo, and this one has several labels")


def average_recalls(per_label: dict[str, dict[str, int]]) -> float:
    """Return the balanced accuracy: the mean over the labels with photos of the fraction that is predicted right.

    Args:
        per_label: of `score_photos`.
    """
    recalls = [row["right"] / row["photos"] for row in per_label.values() if row["photos"]]
    return sum(recalls) / len(recalls)


def score_photos(
    model: Any,
    facts: dict[str, Any],
    folder: Path,
    after_photo: Callable[[], None] = lambda: None,
    thresholds: Any = None,
) -> dict[str, Any]:
    """Predict every photo and compute the accuracy.

    Args:
        model: a runtime.Model.
        facts: the content of model.json.
        folder: see `list_labelled_photos`.
        after_photo: called after each photo.
        thresholds: an answers.Thresholds that is set; None for a bundle without thresholds.

    Returns:
        photos, right, accuracy with its interval, per_label (label → photos and right), unreadable (photo → reason),
        and answers: per photo its path in the folder, the index of its label, and the probabilities in the order of
        the labels. A photo that cannot be read does not count. With thresholds also decisions, see `count_decisions`,
        and per photo similarity, known and accepted.

    Raises:
        FolderError: see `list_labelled_photos`; or none of the photos can be read.
    """
    check_one_class(facts)
    labels = facts["output"]["labels"]
    per_label = {label: {"photos": 0, "right": 0} for label in labels}
    predictions: list[dict[str, Any]] = []
    unreadable: dict[str, str] = {}
    for path, label_index in list_labelled_photos(folder, labels):
        name = path.relative_to(folder).as_posix()
        try:
            image = pixels.load_photo(path, *classify.list_arguments(facts))
        except pixels.PhotoError as error:
            unreadable[name] = str(error)
            continue
        output = model.dequantize(model.predict(image))
        probabilities = list(classify.compute_probabilities(output, labels).values())
        # Of equal probabilities the first counts, as numpy.argmax has it in the build.
        right = probabilities.index(max(probabilities)) == label_index
        per_label[labels[label_index]]["photos"] += 1
        per_label[labels[label_index]]["right"] += right
        rounded = [round(probability, 7) for probability in probabilities]
        predictions.append({"photo": name, "label": label_index, "probabilities": rounded})
        if thresholds:
            answer = thresholds.answer(dict(zip(labels, probabilities)), model.get_features())  # noqa: B905
            predictions[-1].update(similarity=round(answer.similarity, 6), known=answer.known, accepted=answer.accepted)
        after_photo()
    if not predictions:
        reasons = json.dumps(unreadable)[:200]
        raise FolderError(f"{folder}: none of the {len(unreadable)} photos can be read: {reasons}")
    total_right = sum(row["right"] for row in per_label.values())
    return {
        "photos": len(predictions),
        "right": total_right,
        "accuracy": latency_statistics.compute_proportion(total_right, len(predictions)),
        "per_label": per_label,
        "unreadable": unreadable,
        "answers": predictions,
        **({"decisions": count_decisions(predictions)} if thresholds else {}),
    }


def count_decisions(predictions: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Count the photos with a label, those of them whose label is right, the unsure ones, and those of none.

    Args:
        predictions: the answers of `score_photos`.
    """
    answered = [row for row in predictions if row["accepted"]]
    return {
        "answered": len(answered),
        "right": sum(row["probabilities"].index(max(row["probabilities"])) == row["label"] for row in answered),
        "unsure": sum(row["known"] and not row["accepted"] for row in predictions),
        "none": sum(not row["known"] for row in predictions),
    }


def describe_decisions(decisions: dict[str, int]) -> str:
    """Describe the counts of `count_decisions` in one line."""
    answered, right = decisions["answered"], decisions["right"]
    share = f", {right / answered:.4f}" if answered else ""
    return (
        f"answers: {answered} a label ({right} right{share}), {decisions['unsure']} unsure, "
        f"{decisions['none']} none of these"
    )
