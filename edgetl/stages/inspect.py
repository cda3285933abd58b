"""Dataset → Inspection: heads on the features of the frozen base, and measures of the photos."""

from pathlib import Path

import numpy as np

from edgetl.core.inspection.findings import Inspection, Suspect
from edgetl.core.inspection.neighbours import find_neighbours
from edgetl.core.inspection.request import InspectionRequest
from edgetl.core.photos.parts.folds import assign_folds, list_all_photos
from edgetl.core.run.workspace import Workspace
from edgetl.engines.inspection import heads, label_issues
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.pooled_features import compute_pooled_features

# Each photo is predicted by a head of each division, trained on four fifths of the photos. Three divisions: the
# average of several is steadier than one, see tools/measure_label_errors.py.
FOLDS, DIVISIONS = 5, 3
_NEIGHBOURS = 4
_SEED = 1


def inspect_photos(work: Workspace, request: InspectionRequest, weights: Path | None) -> Inspection:
    """Inspect the photos of all parts of a data set.

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
    labels = np.array([photo.label for photo in photos], np.int64)
    groups = np.array(request.groups, np.int64)
    sha256s = [photo.sha256 for photo in photos]
    with work.console.bar("features of the frozen base", len(photos), "photos") as bar:
        raw = compute_pooled_features(
            sha256s, request.input_spec, (request.base, weights), bar.advance, work.console.warn
        )
    features = heads.reduce_features(raw)
    divisions = tuple(assign_folds(photos, groups, FOLDS, seed) for seed in range(1, DIVISIONS + 1))
    rows, quality, scores = label_issues.find_wrong_labels(features, labels, divisions)
    predicted = scores.argmax(axis=1)
    neighbours, _ = find_neighbours(features, rows, groups, _NEIGHBOURS)
    suspects = tuple(
        Suspect(
            row=row,
            suggested=int(predicted[row]),
            score=round(float(quality[row]), 6),
            neighbours=tuple(place for place in near if place >= 0),
        )
        for row, near in zip(rows.tolist(), neighbours.tolist(), strict=True)
    )
    right = predicted == labels
    classes = range(len(request.dataset.classes))
    return Inspection(
        classes=request.dataset.classes,
        counts=tuple(int((labels == label).sum()) for label in classes),
        accuracy=float(right.mean()),
        recalls=tuple(float(right[labels == label].mean()) for label in classes),
        suspects=suspects,
    )
