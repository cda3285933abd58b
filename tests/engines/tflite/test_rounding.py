"""rounding.py: the rounded file is an int8 file that is nearer to the float model than one rounded to the nearest."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS
from edgetl.core.network.rounding.layers import Samples
from edgetl.engines.tflite import inspect, rounding, runtime
from edgetl.engines.tflite.calibrate import quantize_model
from edgetl.engines.tflite.graph import TFLiteGraph


@pytest.fixture(scope="session")
def rounded(calibrated_tflite, photo_array, as_pixels):
    """The rounded small model, and the steps of the progress bar."""
    steps = []
    content, unchanged = rounding.round_model(calibrated_tflite, as_pixels(photo_array), steps.append)
    return content, unchanged, steps


@pytest.fixture(scope="session")
def file(calibrated_tflite):
    return rounding.TFLiteFile(calibrated_tflite, quantize_model(calibrated_tflite))


def predict_logits(content, photos):
    """Return what the last dense layer outputs, which is float32 or dequantized."""
    graph = TFLiteGraph(content)
    (dense,) = [place for place in graph.list_weighted() if graph.find_kind(graph.operators[place]) == rounding._DENSE]
    interpreter = Interpreter(model_content=graph.pack([graph.operators[dense].outputs[0]], dense + 1))
    interpreter.allocate_tensors()
    (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for photo in photos:
        interpreter.set_tensor(image["index"], photo[None].astype(image["dtype"]))
        interpreter.invoke()
        rows.append(runtime.dequantize(interpreter.get_tensor(output["index"])[0], *output["quantization"]))
    return np.stack(rows)


def test_the_file_has_the_properties_of_int8(rounded, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(rounded[0])
    inspect.check_file(path, METHODS["int8_adaround"])
    runtime.try_file(path)


def test_every_layer_is_one_step(rounded):
    _, unchanged, steps = rounded
    assert unchanged == () and sum(steps) == 4


def test_logits_are_nearer_to_those_of_the_float_model(rounded, calibrated_tflite, photo_array):
    expected = predict_logits(calibrated_tflite, photo_array)
    errors = [
        np.square(predict_logits(content, photo_array) - expected).mean()
        for content in (quantize_model(calibrated_tflite), rounded[0])
    ]
    assert errors[1] < 0.7 * errors[0]


def test_the_same_photos_give_the_same_file(rounded, calibrated_tflite, photo_array, as_pixels):
    again, _ = rounding.round_model(calibrated_tflite, as_pixels(photo_array), lambda _: None)
    assert again == rounded[0]


def test_layers_have_the_weights_of_both_files(file):
    kinds = [(layer.depthwise, layer.weights.shape, layer.places) for layer in file.layers]
    assert [shape[1] for depthwise, shape, _ in kinds if depthwise] == [9] and kinds[-1][2] == 1
    for layer in file.layers:
        step = layer.integers.scales[:, None]
        assert (np.abs(layer.integers.dequantize() - layer.weights) <= 0.51 * step).all()
        assert layer.low < layer.high
    # The converter removes the zeros of the dense layer.
    assert [layer.has_biases for layer in file.layers] == [True, True, True, False]


def test_samples_of_inputs_and_outputs_fit_together(file, photo_array, as_pixels):
    """With its float weights, a layer computes what the float model outputs, but for rounded inputs."""
    photos = as_pixels(photo_array[:2])
    for number, layer in enumerate(file.layers):
        places = np.stack([np.arange(min(layer.places, 40))] * 2)
        (outputs,) = file.sample_outputs([number], photos, [places], quantized=False)
        samples = Samples(inputs=file.sample_inputs(number, photos, places), outputs=outputs)
        computed = np.clip(samples.compute(layer.weights, layer.biases), layer.low, layer.high)
        steps = np.abs(computed - np.clip(outputs, layer.low, layer.high)) / ((layer.high - layer.low) / 255)
        assert np.quantile(steps, 0.9) < 4


def test_layers_with_the_same_weights_are_rounded_to_the_nearest(
    calibrated_tflite, photo_array, as_pixels, monkeypatch
):
    monkeypatch.setattr(TFLiteGraph, "separate", lambda *_: None)
    monkeypatch.setattr(TFLiteGraph, "count_uses", lambda *_: 2)
    content, unchanged = rounding.round_model(calibrated_tflite, as_pixels(photo_array), lambda _: None)
    assert len(unchanged) == 4
    before = quantize_model(calibrated_tflite)
    np.testing.assert_array_equal(predict_logits(content, photo_array), predict_logits(before, photo_array))


def test_integers_of_another_model_are_refused(calibrated_tflite):
    graph = TFLiteGraph(quantize_model(calibrated_tflite))
    weights = graph.operators[graph.list_weighted()[0]].inputs[1]
    graph.write(weights, -graph.read(weights))
    with pytest.raises(StageError, match=r"the quantizer did not make .* from the weights of the float model"):
        rounding.TFLiteFile(calibrated_tflite, graph.pack())


def test_a_layer_with_a_depth_multiplier_cannot_be_changed(calibrated_tflite):
    graph = TFLiteGraph(quantize_model(calibrated_tflite))
    places = [
        place for place in graph.list_weighted() if graph.find_kind(graph.operators[place]) == rounding._DEPTHWISE
    ]
    graph.separate(places[0], 2)
    assert rounding._can_change(graph, places[0])
    tensor = graph.get_tensor(graph.operators[places[0]].inputs[1])
    tensor.shape = [*tensor.shape[:3], 2 * tensor.shape[3]]
    assert not rounding._can_change(graph, places[0])


def test_valid_padding_is_none(calibrated_tflite):
    graph = TFLiteGraph(quantize_model(calibrated_tflite))
    (place, *_) = [
        place for place in graph.list_weighted() if graph.find_kind(graph.operators[place]) != rounding._DENSE
    ]
    graph.operators[place].builtinOptions.padding = schema.Padding.VALID
    window = rounding._describe_window(graph, place)
    assert window is not None and window.padding == (0, 0)
