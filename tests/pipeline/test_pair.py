"""pair: a Keras model and a .tflite or .onnx file judged on photos, with neither run nor recipe behind them."""

import dataclasses
import io
import shutil

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.recipe.tables import ContractRecipe
from edgetl.engines.keras import model as keras_model
from edgetl.stages.pair import Pair, judged

CONTRACT = ContractRecipe(limit_drop=0.05)
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def pair(built, draw_photos, tmp_path_factory):
    """The shared run's models and 30 photos that they have not seen."""
    photos = draw_photos(tmp_path_factory.mktemp("unseen"), range(100, 110))
    return Pair(reference=built.trained.path, artifact=built.artifact.path, photos=photos, fit="crop")


def test_the_verdict(pair, built):
    verdict = judged(pair, CONTRACT, console=QUIET)
    assert (verdict.photos, verdict.limit_drop, verdict.method) == (30, 0.05, "model.tflite")
    assert verdict.artifact_sha256 == built.artifact.sha256
    assert verdict.reference_accuracy > 0.8 and verdict.agreement > 0.9
    assert [hop.name for hop in verdict.hops] == ["reference", "artifact"]
    assert [change.name for change in verdict.per_class] == ["circle", "square", "triangle"]


def test_an_onnx_file_is_judged_the_same_way(pair, built_both):
    artifact = built_both.targets[1].artifact
    verdict = judged(dataclasses.replace(pair, artifact=artifact.path), CONTRACT, console=QUIET)
    assert (verdict.photos, verdict.method, verdict.artifact_sha256) == (30, "model.onnx", artifact.sha256)
    assert verdict.agreement > 0.9


def test_a_file_of_another_kind(pair):
    with pytest.raises(ConfigError, match=r"does not end in \.tflite or \.onnx"):
        judged(dataclasses.replace(pair, artifact=pair.reference), CONTRACT, console=QUIET)


def test_of_a_split_folder_only_the_test_part_counts(pair, tmp_path):
    shutil.copytree(pair.photos, tmp_path / "photos" / "test")
    for name in ("circle", "square", "triangle"):
        (tmp_path / "photos" / "train" / name).mkdir(parents=True)
        first = tmp_path / "photos" / "test" / name / "100.png"
        first.rename(tmp_path / "photos" / "train" / name / "100.png")
    split = dataclasses.replace(pair, photos=tmp_path / "photos")
    assert judged(split, CONTRACT, console=QUIET).photos == 27


def test_a_photo_that_cannot_be_read_is_left_out_and_said(pair, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(pair.photos, photos)
    (photos / "circle" / "bad.png").write_bytes(b"no photo")
    stream = io.StringIO()
    verdict = judged(dataclasses.replace(pair, photos=photos), CONTRACT, console=Console(quiet=True, stream=stream))
    assert verdict.photos == 30 and "circle/bad.png is left out" in stream.getvalue()


@pytest.mark.parametrize("which", ["reference", "artifact"])
def test_a_file_that_is_absent_or_no_model(pair, tmp_path, which):
    gone = tmp_path / "gone.bin"
    with pytest.raises(ConfigError, match="no such model file") as caught:
        judged(dataclasses.replace(pair, **{which: gone}), CONTRACT, console=QUIET)
    assert caught.value.where == (str(gone),)
    garbage = tmp_path / ("garbage.keras" if which == "reference" else "garbage.tflite")
    garbage.write_bytes(b"no model")
    with pytest.raises(ConfigError, match=r"not a (Keras model|TFLite file)"):
        judged(dataclasses.replace(pair, **{which: garbage}), CONTRACT, console=QUIET)


def test_files_given_the_wrong_way_round(pair):
    swapped = dataclasses.replace(pair, reference=pair.artifact, artifact=pair.reference)
    with pytest.raises(ConfigError, match="not a Keras model"):
        judged(swapped, CONTRACT, console=QUIET)


def test_photos_of_another_number_of_classes(pair, draw_photos, tmp_path):
    two = draw_photos(tmp_path / "two", range(3), classes=2)
    with pytest.raises(ConfigError, match="the reference tells 3 classes apart, the photos have 2") as caught:
        judged(dataclasses.replace(pair, photos=two), CONTRACT, console=QUIET)
    assert "sort in the order of its outputs" in caught.value.hint


def test_models_that_do_not_answer_probabilities(pair, tmp_path):
    model = keras_model.load_model(pair.reference)
    model.get_layer(build.SCORES).activation = keras_model.keras.activations.linear
    logits = tmp_path / "logits.keras"
    keras_model.save_model(model, logits)
    with pytest.raises(ConfigError, match=r"the answers cannot be judged: .* not a probability") as caught:
        judged(dataclasses.replace(pair, reference=logits), CONTRACT, console=QUIET)
    assert "end them in a softmax" in caught.value.hint


def test_a_model_that_answers_no_numbers(pair, tmp_path):
    model = keras_model.load_model(pair.reference)
    scores = model.get_layer(build.SCORES)
    scores.set_weights([weights * np.nan for weights in scores.get_weights()])
    broken = tmp_path / "broken.keras"
    keras_model.save_model(model, broken)
    with pytest.raises(ConfigError, match="the answers cannot be judged: "):
        judged(dataclasses.replace(pair, reference=broken), CONTRACT, console=QUIET)


def test_no_photos(pair, tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        judged(dataclasses.replace(pair, photos=tmp_path / "gone"), CONTRACT, console=QUIET)
