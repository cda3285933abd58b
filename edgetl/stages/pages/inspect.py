"""Dataset → Inspection: heads on the features of the frozen base, and measures of the photos."""

from pathlib import Path

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
from edgetl.engines.inspection import heads, label_issues, photo_map, subset_heads
from edgetl.engines.inspection.clue_predictions import predict_from_clue
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
    _, distances = find_neighbours(features, np.arange(len(photos)), groups, _NEIGHBOURS)
    outliers = mark_outliers(distances)
    placed, places = photo_map.draw_photo_map(features)
    pixels = pixel_store.open_pixels(sha256s, request.input_spec)
    with work.console.bar("look for bad photos", len(photos), "photos") as bar:
        appearance = measure_appearance(pixels.rows, len(photos), bar.advance)
    headers = read_headers(request.dataset.root, (photo.path for photo in photos))
    subsets = subset_heads.predict_by_subsets(features, labels, groups, divisions[:_DRAWS])
    right = predicted == labels
    classes = range(len(request.dataset.classes))
    return Inspection(
        classes=request.dataset.classes,
        counts=tuple(int((labels == label).sum()) for label in classes),
        accuracy=float(right.mean()),
        recalls=tuple(float(right[labels == label].mean()) for label in classes),
        suspects=suspects,
        bad_photos=find_bad_photos(appearance, headers),
        groups=list_repeated(groups),
        pairs=find_confused_pairs(labels, scores),
        points=tuple(
            MapPoint(row=row, x=round(x, 4), y=round(y, 4), outlier=bool(outliers[row]))
            for row, (x, y) in zip(placed.tolist(), places.tolist(), strict=True)
        ),
        # Twice as many photos as there are.
        curves=fit_curves(subsets, labels, groups, len(photos)),
        shortcuts=tuple(
            judge_shortcut(name, labels, predict_from_clue(values, labels, divisions[0]))
            for name, values in list_clues(headers, appearance.mean_colour).items()
        ),
    )
