"""Thresholds of a file from validation photos, and counts of its answers to other photos, on its own kernels."""

import dataclasses
import json

import numpy as np
import pytest

from edgetl.core.photos import pixel_store
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.recipe.tables import AnswersRecipe
from edgetl.core.rejection.feature_files import find_feature_files
from edgetl.core.rejection.similarity import compute_similarities
from edgetl.core.requests import AnswerRequest
from edgetl.core.storage.files import hash_file
from edgetl.engines.backends import BACKENDS
from edgetl.stages.answers import set_answers
from edgetl.stages.convert import write_features
from edgetl.stages.score import score_artifact


@pytest.fixture(scope="module")
def with_features(delivered, tmp_path_factory):
    """The chosen file of the shared run, which has features."""
    assert delivered.artifact.features
    return delivered.artifact


@pytest.fixture
def request_answers(built, shared_dataset, with_features, make_work):
    """Return a function that sets the answers of the file, with other values in its request."""

    def run(console=None, **changes):
        request = AnswerRequest(
            artifact=with_features,
            trained=built.trained,
            dataset=shared_dataset,
            kernels="xnnpack",
            recipe=AnswersRecipe(),
            seed=1,
        )
        return set_answers(make_work(console), dataclasses.replace(request, **changes))

    return run


def predict(artifact, photos, input_spec):
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], input_spec)
    return BACKENDS[artifact.format].predict_features(artifact.path, pixels, "xnnpack", lambda _: None)


def test_rule_is_made_of_what_the_file_itself_computes(
    built, delivered, shared_dataset, with_features, request_answers, counting_console
):
    rule = request_answers(counting_console)
    reference = np.load(rule.path)
    assert reference.dtype == np.int8 and reference.shape == (rule.rows, with_features.features)
    assert reference.nbytes <= with_features.bytes / 10 or rule.rows == 3
    assert rule.sha256 == hash_file(rule.path) and rule.artifact_sha256 == with_features.sha256
    both = predict(with_features, shared_dataset.test, built.trained.input)
    similarities = compute_similarities(reference, both.features)
    (least,) = set(rule.least_similarities.values())
    assert list(rule.least_similarities) == list(built.trained.classes)
    assert rule.own.photos == len(shared_dataset.test) and rule.own.known == (similarities >= least).sum()
    (point,) = [point for point in rule.known_curve if point.shift == 0]
    assert point.own == rule.own.known / rule.own.photos
    assert point.others == tuple(row.known / row.photos for row in rule.far)
    labels = np.array([photo.label for photo in shared_dataset.test])
    assert rule.own.right_without == (both.scores.argmax(axis=1) == labels).sum()
    assert rule.own.right_without == round(delivered.verdict.accuracy * delivered.verdict.photos)
    assert all(advanced == total for total, advanced in counting_console.bars.values())


def test_images_of_nothing_are_counted_and_each_class_is_left_out(request_answers, built, shared_dataset):
    rule = request_answers()
    assert [(row.title, row.photos) for row in rule.far] == [
        ("drawn images", 200),
        ("shuffled patches", len(shared_dataset.test)),
    ]
    assert [row.title for row in rule.near] == list(built.trained.classes)
    assert rule.foreign == () and rule.hops == () and not rule.multi_label


def test_photos_of_other_things_change_no_threshold(request_answers, shared_dataset):
    without = request_answers()
    # Training photos in place of other things: nearly all of them are known.
    foreign = tuple(sorted(photo.sha256 for photo in shared_dataset.train))
    rule = request_answers(foreign=foreign)
    (row,) = rule.foreign
    assert row.photos == len(foreign) and row.known > 0.8 * len(foreign) and "--foreign" in row.title
    assert all(len(point.others) == len(rule.far) + 1 for point in rule.known_curve)
    ignored = {"path", "foreign", "known_curve"}
    assert rule.model_dump(exclude=ignored) == without.model_dump(exclude=ignored)


def test_answers_are_compared_with_those_of_float32_by_one_rule(request_answers, pipeline, built, shared_dataset):
    float32 = pipeline.files.make("tflite", "float32")
    rule = request_answers(float32=(float32,))
    first, last = rule.hops
    assert (first.name, last.name) == ("float32 TFLite", "int8, XNNPACK")
    photos = len(shared_dataset.test)
    assert first.same == first.photos == last.photos == photos and 0.8 * photos <= last.same <= photos
    assert (last.labels, last.none) == (rule.own.answered, photos - rule.own.known)
    assert last.labels + last.unsure + last.none == photos
    both = predict(float32, shared_dataset.test, built.trained.input)
    similarities = compute_similarities(np.load(rule.path), both.features)
    assert first.none == (similarities < min(rule.least_similarities.values())).sum()


def test_same_request_gives_the_same_bytes(request_answers):
    first, second = request_answers(), request_answers()
    assert first.path != second.path and first.path.read_bytes() == second.path.read_bytes()
    assert first.model_dump(exclude={"path"}) == second.model_dump(exclude={"path"})


def test_predictions_of_the_scores_are_not_computed_again(
    request_answers, with_features, pipeline, shared_dataset, make_work, built, counting_console
):
    float32 = pipeline.files.make("tflite", "float32")
    cases = ((with_features, "validation"), (with_features, "test"), (float32, "test"))

    def score(artifact, part):
        photos = PhotoSet(part=part, photos=shared_dataset.part(part), input_spec=built.trained.input)
        return score_artifact(make_work(), artifact, photos, "xnnpack")

    predicted = tuple(files for case in cases for files in find_feature_files(score(*case)))
    assert len(predicted) == 3
    rule = request_answers(counting_console, float32=(float32,), predicted=predicted)
    assert [title for title in counting_console.bars if title.startswith("features, ")] == [
        "features, train photos",
        "features, drawn images",
        "features, shuffled patches",
    ]
    without = request_answers(float32=(float32,))
    assert rule.model_dump(exclude={"path"}) == without.model_dump(exclude={"path"})


def test_few_validation_photos_reject_none(request_answers, shared_dataset):
    few = shared_dataset.model_copy(update={"validation": shared_dataset.validation[:6]})
    rule = request_answers(dataset=few)
    assert set(rule.least_similarities.values()) == {-1.0} and rule.own.known == rule.own.photos
    assert not rule.selective.certified and rule.selective.threshold == 0.0
    json.dumps(rule.model_dump(mode="json"), allow_nan=False)


def test_share_by_class_has_a_threshold_for_each(request_answers, built):
    rule = request_answers(recipe=AnswersRecipe(reject_own=0.4, by_class=True))
    assert list(rule.least_similarities) == list(built.trained.classes)
    assert len(set(rule.least_similarities.values())) == 3


def test_several_labels_reject_by_similarity_and_are_never_unsure(request_answers, shared_dataset):
    def mark(photos):
        # A photo of the last class has no label, and its place is the number of labels.
        return tuple(
            photo.model_copy(update={"labels": tuple(int(photo.label == index) for index in range(3))})
            if photo.label < 2
            else photo.model_copy(update={"labels": (0, 0, 0), "label": 3})
            for photo in photos
        )

    parts = {part: mark(shared_dataset.part(part)) for part in ("train", "validation", "test")}
    rule = request_answers(dataset=shared_dataset.model_copy(update={"multi_label": True, **parts}))
    assert rule.multi_label and rule.near == () and rule.selective.threshold == 0.0
    assert rule.own.answered == rule.own.known and rule.own.wrong == 0
    assert len(set(rule.least_similarities.values())) == 1
    drawn = rule.far[0]
    assert drawn.answered == drawn.known < drawn.photos


def test_other_classes_of_a_model_without_photos_are_not_left_out(request_answers, shared_dataset):
    """As with --model and --labels, where some outputs have no photos."""
    parts = {
        part: tuple(photo for photo in shared_dataset.part(part) if photo.label != 2)
        for part in ("train", "validation", "test")
    }
    rule = request_answers(dataset=shared_dataset.model_copy(update=parts))
    assert rule.near == () and len(rule.least_similarities) == 3 and rule.rows >= 2


@pytest.mark.parametrize("kernels", ["xnnpack", "reference"])
@pytest.mark.parametrize("method", ["int8", "float32"])
def test_scores_are_the_same_bit_for_bit_with_and_without_features(
    built, pipeline, scored_photos, make_work, method, kernels
):
    with_both = pipeline.files.make("tflite", method)
    plain = built.run / f"convert-tflite-{method}" / "model.tflite"
    assert hash_file(plain) != with_both.sha256
    pixels = scored_photos.open_pixels()
    outputs = [BACKENDS["tflite"].predict(path, pixels, kernels, lambda _: None) for path in (plain, with_both.path)]
    np.testing.assert_array_equal(outputs[0].raw, outputs[1].raw)
    np.testing.assert_array_equal(outputs[0].scores, outputs[1].scores)
    # A tensor more is named: no weight is stored twice.
    assert with_both.path.stat().st_size - plain.stat().st_size < 0.02 * plain.stat().st_size


def test_onnx_scores_are_the_same_bit_for_bit_with_and_without_features(built_both, scored_photos):
    artifact = built_both.targets[1].artifact
    plain = built_both.run / f"convert-onnx-{artifact.method}" / "model.onnx"
    assert artifact.features and hash_file(plain) != artifact.sha256
    pixels = scored_photos.open_pixels()
    for kernels in ("onnxruntime", "reference"):
        outputs = [BACKENDS["onnx"].predict(path, pixels, kernels, lambda _: None) for path in (plain, artifact.path)]
        np.testing.assert_array_equal(outputs[0].scores, outputs[1].scores)


def test_network_without_dense_layers_keeps_its_file(delivered, make_work, monkeypatch, capsys):
    from edgetl.core.console import Console
    from edgetl.core.errors import StageError

    def fail(_):
        raise StageError("the network does not end in dense layers, so it has no pooled features")

    monkeypatch.setattr(type(BACKENDS["tflite"]), "add_features", lambda _, content: fail(content))
    lines = []
    console = Console(quiet=True)
    monkeypatch.setattr(type(console), "say", lambda _, text, **__: lines.append(text))
    artifact = write_features(make_work(console), delivered.artifact)
    assert artifact.features == 0 and artifact.sha256 == delivered.artifact.sha256
    assert lines == [
        "  the network does not end in dense layers, so it has no pooled features: "
        "it cannot say that a photo shows none of the classes"
    ]
