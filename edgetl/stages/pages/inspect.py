"""Dataset → Inspection: heads on the features of the frozen base, and measures of the photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.inspection.appearance import measure_appearance
from edgetl.core.inspection.bad_photos import find_bad_photos
from edgetl.core.inspection.confusions import find_confused_pairs
from edgetl.core.inspection.findings import Inspection, MapPoint, Suspect
from edgetl.core.inspection.learning_curves import fit_curves
from edgetl.core.inspection.neighbours import find_neighbours, mark_outliers
from edgetl.core.inspection.photo_findings import list_repeated
from edgetl.core.inspection.photo_headers import read_headers
from edgetl.core.inspection.request import InspectionRequest
from edgetl.core.inspection.shortcuts import judge_shortcut, list_clues
from edgetl.core.photos import pixel_store
from edgetl.core.photos.parts.folds import assign_folds, list_all_photos
from edgetl.core.run.workspace import Workspace
from edgetl.core.tasks.labels import list_labels
from edgetl.engines.inspection import heads, label_issues, photo_map, subset_heads
from edgetl.engines.inspection.clue_predictions import predict_from_clue
from edgetl.engines.inspection.label_decisions import judge_decisions
from edgetl.engines.inspection.pooled_features import compute_pooled_features
from edgetl.engines.keras import model as keras_model

# Each photo is predicted by a head of each division, trained on four fifths of the photos. Three divisions: the
# average of several is steadier than one, see tools/measure_label_errors.py.
FOLDS, DIVISIONS = 5, 3
_NEIGHBOURS = 4
_SEED = 1
# Draws of the subsets for the learning curve: heads on a tenth of the photos differ by what was drawn.
_DRAWS = 2


def inspect_photos(work: Workspace, request: InspectionRequest, weights: Path | None) -> Inspection:
    """Inspect the photos of all parts of a data set.

    Of photos that may have several labels, each label is judged by itself. Confusions, learning curves and shortcuts
    are those of classes, and are not looked for there.

    Args:
        work: folder and console.
        request: what is inspected.
        weights: file with the base's weights; None for random ones.

    Raises:
        ConfigError: weights that do not fit.
        DataError: the decoded photos are not in the cache any more.
        StageError: LiteRT's features differ from Keras's.
    """
    # Without a file of weights, the seed decides them.
    keras_model.reset_keras(_SEED)
    photos = list_all_photos(request.dataset)
    groups = np.array(request.groups, np.int64)
    sha256s = [photo.sha256 for photo in photos]
    with work.console.bar("features of the frozen base", len(photos), "photos") as bar:
        raw = compute_pooled_features(
            sha256s, request.input_spec, (request.base, weights), bar.advance, work.console.warn
        )
    features = heads.reduce_features(raw)
    pixels = pixel_store.open_pixels(sha256s, request.input_spec)
    with work.console.bar("look for bad photos", len(photos), "photos") as bar:
        appearance = measure_appearance(pixels.rows, len(photos), bar.advance)
    headers = read_headers(request.dataset.root, (photo.path for photo in photos))
    labelled = _LabelledFeatures(
        features=features,
        labels=list_labels(photos),
        groups=groups,
        divisions=tuple(assign_folds(photos, groups, FOLDS, seed) for seed in range(1, DIVISIONS + 1)),
    )
    if request.dataset.multi_label:
        findings = _judge_labels(work, labelled)
    else:
        findings = _judge_classes(labelled, len(request.dataset.classes))
        findings["shortcuts"] = tuple(
            judge_shortcut(name, labelled.labels, predict_from_clue(values, labelled.labels, labelled.divisions[0]))
            for name, values in list_clues(headers, appearance.mean_colour).items()
        )
    _, distances = find_neighbours(features, np.arange(len(photos)), groups, _NEIGHBOURS)
    outliers = mark_outliers(distances)
    placed, places = photo_map.draw_photo_map(features)
    return Inspection(
        classes=request.dataset.classes,
        bad_photos=find_bad_photos(appearance, headers),
        groups=list_repeated(groups),
        points=tuple(
            MapPoint(row=row, x=round(x, 4), y=round(y, 4), outlier=bool(outliers[row]))
            for row, (x, y) in zip(placed.tolist(), places.tolist(), strict=True)
        ),
        **findings,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _LabelledFeatures:
    """Features [photos, components], labels [photos] or [photos, labels], groups [photos] and folds [photos] each."""

    features: heads.Features
    labels: heads.Labels
    groups: heads.Labels
    divisions: tuple[heads.Labels, ...]


def _judge_classes(labelled: _LabelledFeatures, classes: int) -> dict[str, Any]:
    """Return what heads find in photos of one class each."""
    features, labels, groups = labelled.features, labelled.labels, labelled.groups
    rows, quality, scores = label_issues.find_wrong_labels(features, labels, labelled.divisions)
    predicted = scores.argmax(axis=1)
    subsets = subset_heads.predict_by_subsets(features, labels, groups, labelled.divisions[:_DRAWS])
    right = predicted == labels
    named = [(row, int(predicted[row]), float(quality[row])) for row in rows.tolist()]
    return {
        "counts": tuple(int((labels == label).sum()) for label in range(classes)),
        "accuracy": float(right.mean()),
        "recalls": tuple(float(right[labels == label].mean()) for label in range(classes)),
        "suspects": _describe_suspects(named, labelled),
        "pairs": find_confused_pairs(labels, scores),
        # Twice as many photos as there are.
        "curves": fit_curves(subsets, labels, groups, len(labels)),
    }


def _judge_labels(work: Workspace, labelled: _LabelledFeatures) -> dict[str, Any]:
    """Return what heads find in photos that may have several labels."""
    labels = labelled.labels
    with work.console.bar("judge each label", labels.shape[1], "labels") as bar:
        named, decisions = judge_decisions(labelled.features, labels, labelled.divisions, bar.advance)
    has_label = labels.astype(bool)
    return {
        "counts": tuple(has_label.sum(axis=0).tolist()),
        "accuracy": float((decisions == has_label).mean()),
        "recalls": tuple((decisions & has_label).sum(axis=0) / np.maximum(1, has_label.sum(axis=0))),
        "suspects": _describe_suspects(named, labelled),
    }


def _describe_suspects(named: Sequence[tuple[int, int, float]], labelled: _LabelledFeatures) -> tuple[Suspect, ...]:
    rows = np.array([row for row, _, _ in named], np.int64)
    neighbours, _ = find_neighbours(labelled.features, rows, labelled.groups, _NEIGHBOURS)
    return tuple(
        Suspect(
            row=row,
            suggested=suggested,
            score=round(score, 6),
            neighbours=tuple(place for place in near if place >= 0),
        )
        for (row, suggested, score), near in zip(named, neighbours.tolist(), strict=True)
    )
