"""A Keras model and a .tflite or .onnx file, judged on photos without a run folder."""

import dataclasses
import io
import shutil

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.recipe.tables import ContractRecipe
from edgetl.engines.keras import build
from edgetl.engines.keras import model as keras_model
from edgetl.pipeline.pair import ModelPair, count_seen_photos, judge_pair

CONTRACT = ContractRecipe(limit_drop=0.05)
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def pair(built, delivered, draw_photos, tmp_path_factory):
    """The models of the shared run, and 30 photos that they were not trained on."""
    photos = draw_photos(tmp_path_factory.mktemp("unseen"), range(100, 110))
    return ModelPair(reference=built.trained.path, artifact=delivered.artifact.path, photos=photos, fit="crop")


def judge(pair, console=QUIET):
    return judge_pair(pair, CONTRACT, console=console)


def test_verdict_describes_the_two_files(pair, delivered):
    verdict = judge(pair)
    assert (verdict.photos, verdict.limit_drop, verdict.method) == (30, 0.05, "model.tflite")
    assert verdict.artifact_sha256 == delivered.artifact.sha256
    assert verdict.reference_accuracy > 0.8 and verdict.agreement > 0.9
    assert [hop.name for hop in verdict.hops] == ["reference", "artifact"]
    assert [change.name for change in verdict.per_class] == ["circle", "square", "triangle"]


def test_onnx_file_is_judged_in_the_same_way(pair, built_both):
    artifact = built_both.targets[1].artifact
    verdict = judge(dataclasses.replace(pair, artifact=artifact.path))
    assert (verdict.photos, verdict.method, verdict.artifact_sha256) == (30, "model.onnx", artifact.sha256)
    assert verdict.agreement > 0.9


@pytest.mark.parametrize(
    "kind", [pytest.param("saved_model", marks=pytest.mark.slow), pytest.param("onnx", marks=pytest.mark.slow), "grey"]
)
def test_reference_may_be_what_a_build_takes_as_model(pair, tmp_path, kind):
    if kind == "saved_model":
        reference = tmp_path / "saved"
        keras_model.load_model(pair.reference).export(reference, verbose=False)
    elif kind == "onnx":
        reference = tmp_path / "reference.onnx"
        model = keras_model.load_model(pair.reference)
        # Keras exports to ONNX only after a call.
        model(np.zeros((1, *keras_model.read_input_size(model), 3), np.uint8))
        model.export(reference, format="onnx", verbose=False)
    else:
        layers, size = keras_model.keras.layers, keras_model.read_input_size(keras_model.load_model(pair.reference))
        grey = [keras_model.keras.Input((*size, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")]
        reference = tmp_path / "grey.keras"
        keras_model.keras.Sequential(grey).save(reference)
    verdict = judge(dataclasses.replace(pair, reference=reference))
    assert verdict.photos == 30 and (kind == "grey" or verdict.reference_accuracy > 0.8)


def test_file_of_another_format_is_refused(pair):
    with pytest.raises(ConfigError, match=r"does not end in \.tflite or \.onnx"):
        judge(dataclasses.replace(pair, artifact=pair.reference))


def test_only_the_test_part_of_a_split_folder_is_used(pair, tmp_path):
    shutil.copytree(pair.photos, tmp_path / "photos" / "test")
    for name in ("circle", "square", "triangle"):
        (tmp_path / "photos" / "train" / name).mkdir(parents=True)
        first = tmp_path / "photos" / "test" / name / "100.png"
        first.rename(tmp_path / "photos" / "train" / name / "100.png")
    assert judge(dataclasses.replace(pair, photos=tmp_path / "photos")).photos == 27


def test_photo_that_cannot_be_read_is_left_out_with_a_warning(pair, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(pair.photos, photos)
    (photos / "circle" / "bad.png").write_bytes(b"no photo")
    stream = io.StringIO()
    verdict = judge(dataclasses.replace(pair, photos=photos), Console(quiet=True, stream=stream))
    assert verdict.photos == 30 and "one file is left out: 1 not a photo" in stream.getvalue()
    stream = io.StringIO()
    judge(dataclasses.replace(pair, photos=photos), Console(stream=stream))
    assert "circle/bad.png" in stream.getvalue()


@pytest.mark.parametrize("field", ["reference", "artifact"])
def test_file_that_is_absent_or_not_a_model_is_refused(pair, tmp_path, field):
    absent = tmp_path / "absent.bin"
    with pytest.raises(ConfigError, match="no such model file") as caught:
        judge(dataclasses.replace(pair, **{field: absent}))
    assert caught.value.where == (str(absent),)
    garbage = tmp_path / ("garbage.keras" if field == "reference" else "garbage.tflite")
    garbage.write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"not a (Keras model|TFLite file)"):
        judge(dataclasses.replace(pair, **{field: garbage}))


def test_swapped_files_are_refused(pair):
    with pytest.raises(ConfigError, match="no model that edgetl can take as reference"):
        judge(dataclasses.replace(pair, reference=pair.artifact, artifact=pair.reference))


def test_photos_with_another_number_of_classes_are_refused(pair, draw_photos, tmp_path):
    two = draw_photos(tmp_path / "two", range(3), classes=2)
    with pytest.raises(ConfigError, match="the reference predicts 3 classes, the photos have 2") as caught:
        judge(dataclasses.replace(pair, photos=two))
    assert "sort in the order of its outputs" in caught.value.hint


def test_model_that_outputs_no_probabilities_is_refused(pair, tmp_path):
    model = keras_model.load_model(pair.reference)
    model.get_layer(build.SCORES).activation = keras_model.keras.activations.linear
    logits = tmp_path / "logits.keras"
    keras_model.save_model(model, logits)
    with pytest.raises(ConfigError, match=r"the scores cannot be judged: .* not a probability") as caught:
        judge(dataclasses.replace(pair, reference=logits))
    assert "end them in a softmax" in caught.value.hint


def test_model_that_outputs_nan_is_refused(pair, tmp_path):
    model = keras_model.load_model(pair.reference)
    scores = model.get_layer(build.SCORES)
    scores.set_weights([weights * np.nan for weights in scores.get_weights()])
    broken = tmp_path / "broken.keras"
    keras_model.save_model(model, broken)
    with pytest.raises(ConfigError, match="the scores cannot be judged: "):
        judge(dataclasses.replace(pair, reference=broken))


def test_absent_photos_are_refused(pair, tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        judge(dataclasses.replace(pair, photos=tmp_path / "absent"))


def test_photos_that_the_model_was_trained_on_are_a_warning(pair, order, shared_dataset, tmp_path):
    stream = io.StringIO()
    verdict = judge(dataclasses.replace(pair, photos=order.photos), Console(quiet=True, stream=stream))
    seen = len(shared_dataset.train) + len(shared_dataset.validation)
    assert f"warning: {seen} of {verdict.photos} photos were training or validation photos" in stream.getvalue()
    # Nothing is known of a model that is not in its run folder.
    elsewhere = shutil.copyfile(pair.reference, tmp_path / "model.keras")
    assert count_seen_photos(elsewhere, shared_dataset.train) == 0
    assert count_seen_photos(pair.reference, shared_dataset.test) == 0
