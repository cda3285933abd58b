"""answers.py: the answers of a classifier on this machine are those of its bundle on a device."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from edgetl.core.console import Console
from edgetl.core.device.bundle_reading import Classifier, ReferenceFeatures
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.records import InputSpec
from edgetl.core.storage.files import hash_file
from edgetl.pipeline.options import ClassifierOptions
from edgetl.pipeline.usage.answers import answer_photos
from edgetl.pipeline.usage.classifiers import find_classifier
from edgetl.pipeline.usage.predictions import predict_photos


@pytest.fixture
def classifier(tmp_path):
    """A classifier whose reference features are the two axes of a plane."""
    path = tmp_path / "features.npy"
    np.save(path, np.array([[127, 0, 0], [0, 127, 0]], np.int8))
    return Classifier(
        path=tmp_path / "model.tflite",
        format="tflite",
        sha256="m",
        classes=("cat", "dog"),
        input=InputSpec(height_px=8, width_px=8, fit="crop"),
        reference=ReferenceFeatures(
            path=path,
            sha256=hash_file(path),
            least_similarities={"cat": 0.8, "dog": 0.8},
            least_probability=0.9,
        ),
    )


SCORES = np.float32([[0.95, 0.05], [0.4, 0.6], [1.0, 0.0]])
FEATURES = np.float32([[1, 0, 0], [0, 2, 0], [0, 0, 1]])


def test_photos_have_one_of_three_answers(classifier):
    answers = answer_photos(classifier, SCORES, FEATURES)
    assert [answer.text for answer in answers] == ["cat", "unsure: dog or cat", "none of these"]
    assert [(answer.known, answer.accepted) for answer in answers] == [(True, True), (True, False), (False, False)]
    assert answers[2].reason == "similarity 0.000, a label needs 0.800"


def test_classifier_with_several_labels_is_never_unsure(classifier):
    classifier = classifier.model_copy(update={"thresholds": (0.5, 0.5)})
    assert [answer.accepted for answer in answer_photos(classifier, SCORES, FEATURES)] == [True, True, False]


def test_classifier_without_reference_features_has_no_answers(classifier):
    assert answer_photos(classifier.model_copy(update={"reference": None}), SCORES, None) == [None] * 3


def test_changed_reference_features_are_refused(classifier):
    np.save(classifier.reference.path, np.eye(3).astype(np.int8))
    with pytest.raises(StageError, match="the reference features changed since they were checked"):
        answer_photos(classifier, SCORES, FEATURES)


@pytest.mark.parametrize(
    ("array", "message"),
    [(np.eye(3), r"features\.npy is float64 \(3, 3\)"), (np.ones((1, 2), np.int8), "the model has 3 features")],
)
def test_unfit_reference_features_are_refused(classifier, array, message):
    path = classifier.reference.path
    np.save(path, array)
    reference = classifier.reference.model_copy(update={"sha256": hash_file(path)})
    with pytest.raises(ConfigError, match=message):
        answer_photos(classifier.model_copy(update={"reference": reference}), SCORES, FEATURES)


@pytest.mark.parametrize("target", ["tflite", "onnx"])
def test_answers_are_those_of_classify_py(built_both, photos, tmp_path, target):
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    paths = [*sorted(photos.rglob("*3.png"))[:6], tmp_path / "noise.png"]
    classifier = find_classifier(built_both.run, ClassifierOptions(target=target))
    predicted = predict_photos(classifier, paths, 3, console=Console(quiet=True))
    command = [sys.executable, "-B", str(classifier.path.parent / "classify.py"), "--json", *map(str, paths)]
    completed = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in completed.stdout.splitlines()]
    for photo, line in zip(predicted.photos, lines, strict=True):
        assert (photo.answer.label, photo.answer.known, photo.answer.accepted) == (
            line["label"],
            line["known"],
            line["accepted"],
        )
        assert photo.answer.similarity == pytest.approx(line["similarity"], abs=1e-5)
        assert photo.answer.probability == pytest.approx(line["probability"], abs=1e-5)
