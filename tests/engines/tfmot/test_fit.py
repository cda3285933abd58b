"""fit.py: the model ends with the best eligible epoch, and every step is reported."""

from typing import Any


def train_four_epochs(folder: str) -> dict[str, Any]:
    from edgetl.engines.tfmot import fit
    from edgetl.engines.tfmot.keras2_model import build_keras2
    from tests.engines.small_network import Recorder, load_small_network

    small, recorder, calls = load_small_network(folder), Recorder(), []
    model = build_keras2(small.network).model
    setup = small.make_setup(epochs=4, learning_rate_ratio=1.0)
    hooks = fit.FitHooks(before_validation=lambda: calls.append(len(recorder.epochs)))
    result = fit.fit_model(model, setup, recorder.listener, hooks, kind="qat")
    scores = fit.predict_batches(fit.make_prediction_function(model), small.labelled, setup.inputs)
    return {
        "start_accuracy": result.start_accuracy,
        "accuracy": result.accuracy,
        "best_epoch": result.best_epoch,
        "final_accuracy": float((scores.argmax(axis=1) == small.labels).mean()),
        "shape": scores.shape,
        "accuracies": [epoch.validation_accuracy for epoch in recorder.epochs],
        "tasks": recorder.tasks,
        "steps": recorder.steps,
        "calls": calls,
    }


def test_the_model_ends_with_the_weights_of_the_best_epoch(keras2, small_network):
    result = keras2(train_four_epochs, small_network)
    accuracies = [result["start_accuracy"], *result["accuracies"]]
    assert result["accuracy"] == max(accuracies) == accuracies[result["best_epoch"]] == result["final_accuracy"]
    assert result["accuracy"] > result["start_accuracy"] and result["shape"] == [30, 3]
    # 30 photos in batches of 8, four times.
    assert result["tasks"] == [["qat", 16]] and result["steps"] == 16
    assert result["calls"] == [0, 0, 1, 2, 3], "before the evaluation of the start and of each epoch"


def train_with_one_eligible_epoch(folder: str) -> list[int]:
    from edgetl.engines.tfmot import fit
    from edgetl.engines.tfmot.keras2_model import build_keras2
    from tests.engines.small_network import Recorder, load_small_network

    small = load_small_network(folder)
    hooks = fit.FitHooks(is_eligible=lambda epoch: epoch == 1)
    model = build_keras2(small.network).model
    result = fit.fit_model(model, small.make_setup(epochs=3), Recorder().listener, hooks, kind="prune")
    return [result.best_epoch, result.epochs]


def test_an_epoch_that_is_not_eligible_is_never_the_best(keras2, small_network):
    assert keras2(train_with_one_eligible_epoch, small_network) == [1, 3]


def train_with_nan_weights(folder: str) -> list[str]:
    import numpy as np

    from edgetl.core.errors import StageError
    from edgetl.engines.tfmot import fit
    from edgetl.engines.tfmot.keras2_model import build_keras2
    from tests.engines.small_network import Recorder, load_small_network

    small = load_small_network(folder)
    model = build_keras2(small.network).model
    # In the last layer, because ReLU turns NaN into 0 on some processors.
    scores = [layer for layer in model.layers if layer.weights][-1]
    scores.set_weights([np.full_like(weight, np.nan) for weight in scores.get_weights()])
    try:
        fit.fit_model(model, small.make_setup(epochs=2), Recorder().listener, fit.FitHooks(), kind="qat")
    except StageError as error:
        return [error.message, error.hint]
    return []


def test_a_loss_that_is_not_finite_is_an_error(keras2, small_network):
    message, hint = keras2(train_with_nan_weights, small_network)
    assert message == "retraining diverged in epoch 1: the loss is not finite"
    assert hint == "lower the learning rate, now 0.001: the ratios in [retrain] of a recipe file"


def train_with_weights(folder: str) -> dict[str, Any]:
    from dataclasses import replace

    import numpy as np

    from edgetl.engines.tfmot import fit
    from edgetl.engines.tfmot.keras2_model import build_keras2
    from tests.engines.small_network import Recorder, load_small_network

    small = load_small_network(folder)
    setup = small.make_setup(epochs=1)
    # Class 0 keeps five times the photos of the others.
    weights = np.where(small.labels == 0, 0.2, 1.0).astype(np.float32)
    setup = replace(
        setup, train=replace(setup.train, weights=weights), validation=replace(setup.validation, weights=weights)
    )
    model = build_keras2(small.network).model
    result = fit.fit_model(model, setup, Recorder().listener, fit.FitHooks(), kind="prune")
    scores = fit.predict_batches(fit.make_prediction_function(model), small.labelled, setup.inputs)
    right = scores.argmax(axis=1) == small.labels
    return {"accuracy": result.accuracy, "expected": float(np.average(right, weights=weights))}


def test_accuracy_of_weighted_photos_is_weighted(keras2, small_network):
    result = keras2(train_with_weights, small_network)
    assert abs(result["accuracy"] - result["expected"]) < 1e-6
