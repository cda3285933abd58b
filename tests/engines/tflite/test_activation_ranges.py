"""activation_ranges.py: ranges are those of the kernels, and of the calibrator but for tensors it has overwritten."""

from copy import deepcopy

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.errors import StageError
from edgetl.core.network.base_table import BASES
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.engines.keras import build, saved_model
from edgetl.engines.keras import model as keras_model
from edgetl.engines.tflite import activation_ranges, calibrate, runtime
from edgetl.engines.tflite.convert import iterate_photos
from edgetl.engines.tflite.graph_file import pack_model, unpack_model

# Two kernels add the products of a convolution in different orders.
ROUNDING = 1e-5
WEIGHTS_OF_THE_HEAD = 128 * 3 * 4  # Bytes.


def read_ranges(content):
    """Map the index of each tensor that has a range to (low, high)."""
    (graph,) = unpack_model(content).subgraphs
    quantizations = {index: tensor.quantization for index, tensor in enumerate(graph.tensors)}
    return {
        index: (float(value.min[0]), float(value.max[0]))
        for index, value in quantizations.items()
        if value is not None and value.min is not None
    }


def measure_with_kept_tensors(content, photos):
    """Compute the same with LiteRT's own kernels, one tensor after the other."""
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=runtime.WITHOUT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    image = interpreter.get_input_details()[0]["index"]
    limits = dict.fromkeys(read_ranges(content), (np.inf, -np.inf))
    for photo in photos:
        interpreter.set_tensor(image, photo[None].astype(np.float32))
        interpreter.invoke()
        for index, (low, high) in limits.items():
            values = interpreter.get_tensor(index)
            limits[index] = (min(low, float(values.min())), max(high, float(values.max())))
    return limits


def list_overwritten(content):
    """List the tensors that LiteRT may overwrite: inputs of an elementwise operator whose output has as many values."""
    (graph,) = unpack_model(content).subgraphs
    # Not the shapes: at one pixel, [1, 1, 1, channels] and [channels] are added.
    counts = [int(np.prod([] if tensor.shape is None else tensor.shape)) for tensor in graph.tensors]
    return {
        int(index)
        for operator in graph.operators
        for index in operator.inputs
        if counts[index] == counts[operator.outputs[0]] and len(operator.outputs) == 1
    }


def list_differences(ranges, others):
    """Map each tensor to the larger difference of its limits, relative to its range, or to a limit that is larger.

    A float32 near 0.5 is rounded to steps of 6e-8, which is a large part of a range of 5e-6 there.
    """
    return {
        index: max(abs(low - others[index][0]), abs(high - others[index][1]))
        / max(high - low, abs(low), abs(high), 1e-30)
        for index, (low, high) in ranges.items()
    }


@pytest.fixture(scope="module")
def residual(small_model, tmp_path_factory):
    """A SavedModel in which the output of a convolution is added to its input."""
    layers = keras_model.keras.layers
    model = small_model()
    features = model.get_layer("relu3").output
    features = layers.Add()([features, layers.Conv2D(128, 1)(features)])
    pooled = model.get_layer(build.POOLING)(features)
    path = tmp_path_factory.mktemp("residual")
    keras_model.save_model(keras_model.keras.Model(model.input, model.get_layer("scores")(pooled)), path / "m.keras")
    saved_model.export_saved_model(path / "m.keras", path / "saved", "ranged")
    return path / "saved"


def test_ranges_are_those_of_the_kernels_and_of_the_calibrator_but_for_tensors_it_has_overwritten(
    residual, photo_array, as_pixels
):
    counts = []
    content = calibrate.calibrate_model(residual, as_pixels(photo_array), counts.append)
    assert sum(counts) == len(photo_array)
    ranges = read_ranges(content)
    kernels = measure_with_kept_tensors(content, photo_array)
    assert ranges.keys() == kernels.keys() and max(list_differences(ranges, kernels).values()) < ROUNDING
    calibrator = read_ranges(calibrate.run_calibrator(residual, iterate_photos(as_pixels(photo_array))))
    wrong = {index for index, value in list_differences(ranges, calibrator).items() if value > ROUNDING}
    # When TensorFlow records them correctly, this is no longer true, and the module can say so.
    assert wrong and wrong <= list_overwritten(content)
    assert all(calibrator[index][1] >= ranges[index][1] for index in wrong)


def test_photos_are_predicted_several_times_where_memory_is_short(calibrated_tflite, photo_array, as_pixels):
    photos, counts = as_pixels(photo_array[:4]), []
    at_once = activation_ranges.measure_ranges(calibrated_tflite, photos, counts.append)
    in_groups = activation_ranges.measure_ranges(calibrated_tflite, photos, counts.append, output_bytes=20_000)
    assert in_groups == at_once != calibrated_tflite and counts == [4, 4]


def test_an_output_that_is_not_finite_names_the_layer(calibrated_tflite, photo_array, as_pixels):
    model = unpack_model(calibrated_tflite)
    for buffer in model.buffers:
        if buffer.data is not None and len(buffer.data) == WEIGHTS_OF_THE_HEAD:
            buffer.data = np.full(128 * 3, np.inf, np.float32).view(np.uint8)
    with pytest.raises(StageError, match="the output of a layer is not finite for a calibration photo") as caught:
        activation_ranges.measure_ranges(pack_model(model), as_pixels(photo_array[:2]), lambda _: None)
    assert caught.value.where and "--learning-rate" in caught.value.hint


@pytest.mark.parametrize(
    ("sizes", "groups"), [([], []), ([9], [[0]]), ([1, 2, 3, 9, 1], [[0, 1], [2], [3], [4]]), ([2, 2], [[0], [1]])]
)
def test_groups_stay_within_the_limit(sizes, groups):
    assert activation_ranges.group_by_size(sizes, 3) == groups


def test_a_file_with_further_graphs_has_loops(calibrated_tflite):
    assert not activation_ranges.has_loops(calibrated_tflite)
    model = unpack_model(calibrated_tflite)
    model.subgraphs = [*model.subgraphs, deepcopy(model.subgraphs[0])]
    assert activation_ranges.has_loops(pack_model(model))


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BASES))
def test_ranges_of_every_base_are_those_of_the_kernels(name, tmp_path, as_pixels):
    side = BASES[name].smallest_side_px
    recipe = resolve_recipe("default", {"base": {"name": name, "side_px": side, "weights": "none"}})
    keras_model.reset_keras(1)
    model = build.assemble_model(recipe.base, recipe.head, 3, None)
    keras_model.save_model(model, tmp_path / "model.keras")
    saved_model.export_saved_model(tmp_path / "model.keras", tmp_path / "saved", "ranged", unroll=True)
    photos = np.random.default_rng(1).integers(0, 256, (3, side, side, 3), np.uint8)
    content = calibrate.calibrate_model(tmp_path / "saved", as_pixels(photos), lambda _: None)
    ranges, kernels = read_ranges(content), measure_with_kept_tensors(content, photos)
    # Random weights amplify the rounding from layer to layer.
    assert max(list_differences(ranges, kernels).values()) < 1e-3
    calibrator = read_ranges(calibrate.run_calibrator(tmp_path / "saved", iterate_photos(as_pixels(photos))))
    wrong = {index for index, value in list_differences(ranges, calibrator).items() if value > 1e-3}
    assert wrong <= list_overwritten(content)
