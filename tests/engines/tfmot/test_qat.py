"""qat.py: activation ranges start from the calibration photos, and training moves the weights."""

from dataclasses import replace
from typing import Any

import numpy as np


def calibrate(folder: str) -> dict[str, Any]:
    import tf_keras

    from edgetl.engines.tfmot.keras2_model import build_keras2
    from tests.engines.small_network import Recorder, load_small_network

    small, recorder = load_small_network(folder), Recorder()
    model = small.make_qat_model(recorder=recorder)
    names = ("relu1", "relu3", "pooling")
    keras2 = build_keras2(small.network)
    probe = tf_keras.Model(keras2.model.input, [keras2.layers[name].output for name in names])
    outputs = probe.predict_on_batch(np.asarray(model.scale_pixels(small.pixels.rows(range(30)))))
    scores = model.predict(small.labelled)
    return {
        "ranges": [model._read_range(name) for name in names],
        "expected": [[min(0.0, float(output.min())), float(output.max())] for output in outputs],
        "agreement": float((scores.argmax(axis=1) == small.scores.argmax(axis=1)).mean()),
        "difference": float(np.abs(scores - small.scores).max()),
        "tasks": recorder.tasks,
        "steps": recorder.steps,
    }


def test_activation_ranges_are_those_of_the_calibration_photos(keras2, small_network):
    result = keras2(calibrate, small_network)
    for (low, high), (lowest, highest) in zip(result["ranges"], result["expected"], strict=True):
        assert abs(low - lowest) < 1e-4 and abs(high - highest) < 1e-4 * max(1, highest)
    # With tfmot's initial ranges of -6..6, it would predict at random.
    assert result["agreement"] >= 0.9 and 0 < result["difference"] < 0.3
    assert result["tasks"] == [["calibrate", 30]] and result["steps"] == 30


def train_three_epochs(folder: str, trained_layers: float) -> dict[str, Any]:
    from tests.engines.small_network import Recorder, load_small_network

    small, texts = load_small_network(folder), []
    model = small.make_qat_model()
    before = {name: model._read_weights(name) for name in model._list_weighted()}
    ranges = {name: model._read_range(name) for name in model._calibrated_outputs}
    listener = replace(Recorder().listener, say=texts.append)
    result = model.fit(small.make_setup(epochs=3, trained_layers=trained_layers), listener)
    scores = model.predict(small.labelled)

    def measure_changes(name: str) -> list[float]:
        # Of weights and biases.
        pairs = zip(before[name], model._read_weights(name), strict=True)
        return [float(np.abs(new - old).max() / np.abs(old).max()) for old, new in pairs]

    return {
        "texts": texts,
        "changes": {name: measure_changes(name) for name in before},
        "moved_ranges": {name: ranges[name] != model._read_range(name) for name in ranges},
        "start_accuracy": result.start_accuracy,
        "accuracy": result.accuracy,
        "best_epoch": result.best_epoch,
        "whole_accuracy": float((scores.argmax(axis=1) == small.labels).mean()),
    }


def test_training_changes_the_weights_of_every_layer_or_keeps_the_start(keras2, small_network):
    result = keras2(train_three_epochs, small_network, 1.0)
    assert result["texts"] == ["  qat: trains 4 of 4 layers with weights"]
    assert result["accuracy"] >= result["start_accuracy"]
    changes = [max(changes) for changes in result["changes"].values()]
    assert len(changes) == 4 and {change > 0 for change in changes} == {result["best_epoch"] > 0}


def test_training_changes_nothing_below_the_split_layer(keras2, small_network):
    result = keras2(train_three_epochs, small_network, 0.5)
    assert result["texts"] == ["  qat: trains 2 of 4 layers with weights, above relu2"]
    assert result["best_epoch"] > 0, "else the next lines test nothing"
    moved = {name: changes[0] > 0 for name, changes in result["changes"].items()}
    assert moved == {"bn1": False, "bn2": False, "conv3": True, "scores/linear": True}
    # The biases of frozen layers are rounded as in the file.
    assert all(0 < result["changes"][name][1] < 1e-2 for name in ("bn1", "bn2"))
    assert [name for name, moved in result["moved_ranges"].items() if not moved] == ["relu1", "relu2"]
    assert result["whole_accuracy"] == result["accuracy"], "of all layers, as of those above the split layer"


def compare_divided_model(folder: str, export_folder: str) -> dict[str, bool]:
    from pathlib import Path

    from tests.engines.small_network import Recorder, load_small_network

    small = load_small_network(folder)
    model = small.make_qat_model()
    model.fit(small.make_setup(epochs=1, trained_layers=0.5), Recorder().listener)

    def is_equal() -> bool:
        whole = model.model.predict_on_batch(model.scale_pixels(small.pixels.rows(range(30))))
        return bool(np.array_equal(model.predict(small.labelled), whole))

    trained = is_equal()
    model.export(Path(export_folder))
    return {"trained": trained, "exported": is_equal()}


def test_the_model_on_kept_outputs_predicts_as_all_layers_do_bit_for_bit(keras2, small_network, tmp_path):
    # The export rounds biases, also those of the frozen layers.
    assert keras2(compare_divided_model, small_network, tmp_path) == {"trained": True, "exported": True}


def count_computed_photos(folder: str, epochs: int, feature_cache: bool = True) -> list[int]:
    from tests.engines.small_network import Recorder, load_small_network

    small = load_small_network(folder)
    model, counts = small.make_qat_model(), []
    scale_pixels = model.scale_pixels

    def count_photos(pixels: np.ndarray) -> Any:
        counts.append(len(pixels))
        return scale_pixels(pixels)

    model.scale_pixels = count_photos
    setup = small.make_setup(epochs=epochs, trained_layers=0.5)
    training = setup.recipe.training.model_copy(update={"feature_cache": feature_cache})
    setup = replace(setup, recipe=setup.recipe.model_copy(update={"training": training}))
    model.fit(setup, Recorder().listener)
    trained = sum(counts)
    model.predict(small.labelled)
    model.predict_logits(small.labelled)
    return [trained, sum(counts) - trained]


def test_frozen_layers_compute_validation_photos_once_and_each_view_once(keras2, small_network):
    # 30 validation photos, in a batch that the last one fills up to 64, and 30 training photos in each epoch.
    assert keras2(count_computed_photos, small_network, 2) == [64 + 2 * 30, 0]
    # The fifth epoch trains on the first of four views again.
    assert keras2(count_computed_photos, small_network, 5) == [64 + 4 * 30, 0]
    # Before the first epoch, after both, and for two predictions.
    assert keras2(count_computed_photos, small_network, 2, False) == [3 * 64 + 2 * 30, 2 * 64]


def count_steps_of_grays(folder: str) -> list[float]:
    from tests.engines.small_network import load_small_network

    model = load_small_network(folder).make_qat_model()
    grays = np.repeat(np.uint8([0, 126, 127, 128, 129, 255]), 3).reshape(1, 1, 6, 3)
    low, high = model._scaling.output_range
    return np.round(np.asarray(model.scale_pixels(grays))[0, 0, :, 0] / ((high - low) / 255), 3).tolist()


def test_pixels_are_rounded_as_in_the_file(keras2, small_network):
    # 128 is 0.498 steps above zero, and 0.502 steps with the bias of -1 rounded as in the file: it becomes 1.
    assert keras2(count_steps_of_grays, small_network) == [-127, -1, 0, 1, 1, 127]


def compare_weight_ranges(folder: str) -> list[bool]:
    from tests.engines.small_network import load_small_network

    small = load_small_network(folder)
    model = small.make_qat_model()
    matches = []
    for update in (lambda: None, model._update_weight_ranges):
        layer = model._quantized.layers["conv3"]
        ((weights, _, variables),) = layer._weight_vars
        if not matches:
            # As an optimizer does after the forward pass.
            weights.assign(weights * 2)
        update()
        largest = np.abs(weights.numpy()).max(axis=(0, 1, 2))
        matches.append(bool(np.array_equal(variables["max_var"].numpy(), largest)))
    return matches


def test_weight_ranges_follow_the_weights_before_an_evaluation(keras2, small_network):
    assert keras2(compare_weight_ranges, small_network) == [False, True]


def divide_logits(folder: str) -> dict[str, Any]:
    from tests.engines.small_network import load_small_network

    small = load_small_network(folder)
    model = small.make_qat_model()

    def count_levels() -> tuple[list[int], np.ndarray]:
        low, high = model._read_range(model._find_logits())
        kernel, bias = model._read_weights(model._find_logits())
        scales = np.abs(kernel).max(axis=0) / 127
        integers = np.round(kernel / scales)
        logits = np.round(model.predict_logits(small.labelled) / ((high - low) / 255))
        return integers.astype(int).tolist(), logits, bias / scales

    before, before_logits, before_bias = count_levels()
    scores = model.predict(small.labelled)
    model.divide_logits(1.7)
    after, after_logits, after_bias = count_levels()
    expected = scores ** (1 / 1.7)
    expected /= expected.sum(axis=1, keepdims=True)
    return {
        "weights": before == after,
        "logits": bool((before_logits == after_logits).all()),
        "bias": float(np.abs(before_bias - after_bias).max()),
        "difference": float(np.abs(model.predict(small.labelled) - expected).max()),
    }


def test_divided_logits_have_the_same_integers(keras2, small_network):
    result = keras2(divide_logits, small_network)
    assert result["weights"] and result["logits"]
    assert result["bias"] < 1e-3 and result["difference"] < 1e-5
