"""A build looks into its photos with what it has computed: wrong labels of held-out photos, bad photos, shortcuts."""

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.evaluation.design_effect import number_groups
from edgetl.core.inspection.request import FindingsRequest
from edgetl.core.photos.parts.folds import list_all_photos
from edgetl.core.records import Scores
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.stages.pages.findings import collect_build_findings


def write_scores(folder, part, photos, classes):
    """Write the scores of a model that is right for all photos."""
    path = folder / f"{part}.npy"
    truth = np.array([photo.label for photo in photos])
    np.save(path, np.where(np.arange(classes) == truth[:, None], 0.9, 0.1 / (classes - 1)).astype(np.float32))
    return Scores.model_construct(path=path, sha256=hash_file(path), part=part)


@pytest.fixture
def collect(shared_dataset, built, tmp_path):
    """Return a function that collects the findings of the shared photos, with changed labels of test photos."""

    def collect(changed=(), **changes):
        dataset = shared_dataset.model_copy(update=changes)
        classes = len(dataset.classes)
        scores = tuple(write_scores(tmp_path, part, getattr(dataset, part), classes) for part in ("validation", "test"))
        test = tuple(
            photo.model_copy(update={"label": (photo.label + 1) % classes}) if place in changed else photo
            for place, photo in enumerate(dataset.test)
        )
        dataset = dataset.model_copy(update={"test": test})
        photos = list_all_photos(dataset)
        groups = tuple(number_groups([photo.group for photo in photos]).tolist())
        request = FindingsRequest(dataset=dataset, groups=groups, input_spec=built.trained.input, scores=scores)
        return collect_build_findings(Workspace(tmp_path, Console(quiet=True)), request), photos, dataset

    return collect


def test_labels_that_the_model_denies_are_suspects(collect):
    findings, photos, dataset = collect(changed=(0, 5))
    assert findings.judged == len(dataset.validation) + len(dataset.test)
    assert {photos[suspect.row].sha256 for suspect in findings.suspects} == {
        dataset.test[place].sha256 for place in (0, 5)
    }
    for suspect in findings.suspects:
        assert suspect.suggested == (photos[suspect.row].label - 1) % 3 and suspect.score < 0.1


def test_right_labels_are_not(collect):
    findings, photos, _ = collect()
    assert findings.suspects == findings.pairs == ()
    # The colour of the shape is that of the class.
    assert "mean colour" in [shortcut.name for shortcut in findings.shortcuts if shortcut.is_shortcut]
    assert all(0 <= bad.row < len(photos) for bad in findings.bad_photos)


def test_several_labels_are_judged_by_themselves(collect, shared_dataset):
    def add_labels(photos, wrong=()):
        return tuple(
            photo.model_copy(
                update={"labels": tuple(int((index == photo.label) != ((row, index) in wrong)) for index in range(3))}
            )
            for row, photo in enumerate(photos)
        )

    parts = {part: add_labels(getattr(shared_dataset, part)) for part in ("train", "validation")}
    findings, photos, dataset = collect(multi_label=True, test=add_labels(shared_dataset.test, [(2, 1)]), **parts)
    assert [(photos[row.row].sha256, row.suggested) for row in findings.suspects] == [(dataset.test[2].sha256, 1)]
    assert (findings.pairs, findings.shortcuts) == ((), ())
