"""train: what the shared run's training left, and what stops one before it starts."""

import csv
import io

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.network import bases
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.storage.files import hash_file
from edgetl.engines.keras import model as keras_model
from edgetl.stages.train import train


def test_the_record_says_what_was_made(built, order, shared_dataset):
    trained = built.trained
    assert trained.sha256 == hash_file(trained.path) and trained.path.name == "model.keras"
    assert (trained.base, trained.alpha, trained.weights) == ("mobilenet", 0.25, order.recipe.base.weights)
    assert (trained.input.side_px, trained.input.fit, trained.activation) == (32, "crop", "softmax")
    assert trained.classes == ("circle", "square", "triangle") and trained.dataset_sha256 == shared_dataset.sha256
    assert [phase.name for phase in trained.phases] == ["head", "fine_tune"]
    assert trained.backend == bases.read_backend_name() == "tensorflow" and trained.device
    model = keras_model.load_model(trained.path)
    assert model.count_params() == trained.parameters and model.output_shape == (None, 3)


def test_it_has_learned(built):
    assert max(phase.validation_accuracy for phase in built.trained.phases) > 0.9
    assert built.verdict.reference_accuracy > 0.9


def test_the_log_has_every_epoch(built):
    folder = built.trained.path.parent
    rows = list(csv.DictReader((folder / "log.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["phase"], int(row["epoch"])) for row in rows] == [
        ("head", 1),
        ("head", 2),
        ("head", 3),
        ("fine_tune", 4),
    ]
    best = built.trained.phases[0].best_epoch
    assert float(rows[best - 1]["validation_accuracy"]) == built.trained.phases[0].validation_accuracy
    assert (folder / "tensorboard").is_dir()


def test_one_epoch_from_random_weights(shared_dataset, tmp_path):
    flags = {
        "base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"},
        "phase1": {"epochs": 1},
        "phase2": {"epochs": 0},
    }
    stream = io.StringIO()
    trained = train(shared_dataset, recipe.resolve_recipe("default", flags), tmp_path, console=Console(stream=stream))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "model.keras", "tensorboard"]
    assert trained.weights == "none" and [phase.name for phase in trained.phases] == ["head"]
    assert stream.getvalue().count("epoch   1") == 1 and "validation 0." in stream.getvalue()


def test_photos_that_are_gone_from_the_cache(shared_dataset, order, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    (tmp_path / "made").mkdir()
    with pytest.raises(DataError, match="not in the cache any more"):
        train(shared_dataset, order.recipe, tmp_path / "made", console=Console(quiet=True))


def test_weights_that_are_absent(shared_dataset, order, tmp_path):
    base = order.recipe.base.model_copy(update={"weights": str(tmp_path / "gone.h5")})
    with pytest.raises(ConfigError, match="no such weights file"):
        train(shared_dataset, order.recipe.model_copy(update={"base": base}), tmp_path, console=Console(quiet=True))


def test_a_misspelt_layer_stops_it_before_the_first_epoch(shared_dataset, order, tmp_path):
    phase2 = order.recipe.phase2.model_copy(update={"unfreeze": "conv_pw_14"})
    stream = io.StringIO()
    wrong = order.recipe.model_copy(update={"phase2": phase2})
    with pytest.raises(ConfigError, match="no layer 'conv_pw_14'"):
        train(shared_dataset, wrong, tmp_path, console=Console(stream=stream))
    assert "epoch" not in stream.getvalue()


def test_the_best_weights_are_those_on_the_disk(built, shared_dataset):
    from edgetl.core.photos.evaluation_set import EvaluationSet

    photos = shared_dataset.validation
    questions = EvaluationSet(part="validation", photos=photos, shape=built.trained.input)
    scores = keras_model.predict_scores(keras_model.load_model(built.trained.path), questions.pixels(), lambda _: None)
    accuracy = np.mean(scores.argmax(axis=1) == [photo.label for photo in photos])
    kept = next(phase for phase in reversed(built.trained.phases) if phase.accepted)
    assert accuracy == pytest.approx(kept.validation_accuracy, abs=1e-6)


@pytest.mark.parametrize("feature_cache", [True, False])
def test_what_was_trained_in_bfloat16_leaves_in_float32(shared_dataset, tmp_path, monkeypatch, feature_cache):
    monkeypatch.setattr(keras_model, "get_device", lambda: "gpu:0")
    flags = {
        "base": {"name": "mobilenet", "alpha": 0.25, "side_px": 32, "weights": "none"},
        "training": {"precision": "bfloat16", "feature_cache": feature_cache, "batch_norm": "inference"},
        "phase1": {"epochs": 1},
        "phase2": {"epochs": 1, "unfreeze": "-3"},
    }
    stream = io.StringIO()
    trained = train(shared_dataset, recipe.resolve_recipe("default", flags), tmp_path, console=Console(stream=stream))
    assert trained.precision == "bfloat16"
    assert "in float32 these weights reach validation 0." in stream.getvalue()
    model = keras_model.load_model(trained.path)
    assert {layer.compute_dtype for layer in model.layers if layer.weights} == {"float32"}
