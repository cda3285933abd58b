"""Trained, scores → BuildFindings: what a build can say about its photos from what it has computed anyway.

The validation and the test photos are predicted by a model that was not trained on them, so their labels can be judged.
`edgetl inspect` judges those of all photos, with heads of its own.
"""

from collections.abc import Sequence

import numpy as np

from edgetl.core.inspection.appearance import measure_appearance
from edgetl.core.inspection.bad_photos import find_bad_photos
from edgetl.core.inspection.confusions import find_confused_pairs
from edgetl.core.inspection.findings import BuildFindings, ConfusedPair, Shortcut, Suspect
from edgetl.core.inspection.photo_headers import read_headers
from edgetl.core.inspection.request import FindingsRequest
from edgetl.core.inspection.shortcuts import judge_shortcut, list_clues
from edgetl.core.photos import pixel_store
from edgetl.core.photos.parts.folds import assign_folds, list_all_photos
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.arrays import read_array
from edgetl.core.tasks.labels import list_labels
from edgetl.engines.inspection.clue_predictions import predict_from_clue
from edgetl.engines.inspection.held_out import find_held_out_suspects
from edgetl.engines.inspection.label_decisions import judge_held_out_decisions

_FOLDS, _SEED = 5, 1


def collect_build_findings(work: Workspace, request: FindingsRequest) -> BuildFindings:
    """Look for likely wrong labels, bad photos, confusing classes and shortcuts.

    Of photos that may have several labels, each label is judged by itself, and confusions and shortcuts are not looked
    for.

    Raises:
        DataError: the decoded photos are not in the cache any more.
    """
    dataset = request.dataset
    photos = list_all_photos(dataset)
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], request.input_spec)
    with work.console.bar("look for bad photos", len(photos), "photos") as bar:
        appearance = measure_appearance(pixels.rows, len(photos), bar.advance)
    headers = read_headers(dataset.root, (photo.path for photo in photos))
    bad_photos = find_bad_photos(appearance, headers)
    labels = list_labels(photos)
    row_of = {photo.sha256: row for row, photo in enumerate(photos)}
    held_out = (*dataset.validation, *dataset.test)
    rows = np.array([row_of[photo.sha256] for photo in held_out], np.int64)
    scores = np.concatenate([read_array(part.path) for part in request.scores])
    if dataset.multi_label:
        return BuildFindings(
            judged=len(held_out),
            suspects=_name_suspects(judge_held_out_decisions(labels[rows], scores), rows),
            bad_photos=bad_photos,
        )
    folds = assign_folds(photos, np.array(request.groups, np.int64), _FOLDS, _SEED)
    return BuildFindings(
        judged=len(held_out),
        suspects=_name_suspects(find_held_out_suspects(labels[rows], scores), rows),
        pairs=_name_rows(find_confused_pairs(labels[rows], scores), rows),
        bad_photos=bad_photos,
        shortcuts=tuple(
            _judge(name, labels, values, folds) for name, values in list_clues(headers, appearance.mean_colour).items()
        ),
    )


def _name_suspects(suspects: Sequence[tuple[int, int, float]], rows: np.ndarray) -> tuple[Suspect, ...]:
    """Replace positions among the judged photos by rows among all photos."""
    return tuple(
        Suspect(row=int(rows[place]), suggested=suggested, score=round(score, 6), neighbours=())
        for place, suggested, score in suspects
    )


def _judge(name: str, labels: np.ndarray, values: np.ndarray, folds: np.ndarray) -> Shortcut:
    return judge_shortcut(name, labels, predict_from_clue(values, labels, folds))


def _name_rows(pairs: tuple[ConfusedPair, ...], rows: np.ndarray) -> tuple[ConfusedPair, ...]:
    """Replace positions among the judged photos by rows among all photos."""
    return tuple(
        pair.model_copy(update={"between": tuple(int(rows[place]) for place in pair.between)}) for pair in pairs
    )
