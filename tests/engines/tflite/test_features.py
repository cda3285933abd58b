import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgetl.core.errors import StageError
from edgetl.core.methods import METHODS
from edgetl.core.network.quantization import dequantize
from edgetl.engines.tflite.features import add_features, predict_features

METHOD_NAMES = [name for name, row in METHODS.items() if "tflite" in row.formats and not row.float_layers]


def run(content, photos):
    """Run all photos: the outputs of each, in the order of the file."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    outputs = []
    for photo in photos:
        interpreter.set_tensor(image["index"], photo[None].astype(image["dtype"]))
        interpreter.invoke()
        outputs.append([interpreter.get_tensor(tensor["index"])[0] for tensor in interpreter.get_output_details()])
    details = [tensor["quantization"] for tensor in interpreter.get_output_details()]
    return [np.stack(output) for output in zip(*outputs, strict=True)], details


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_scores_stay_and_features_are_the_pooled_ones(tflite_files, small_model, photo_array, method):
    keras = pytest.importorskip("keras")
    content = tflite_files[method].read_bytes()
    (before,), _ = run(content, photo_array)
    (scores, features), (_, (scale, zero_point)) = run(add_features(content)[1], photo_array)
    np.testing.assert_array_equal(scores, before)
    model = small_model()
    pooled = np.asarray(keras.Model(model.input, model.get_layer("pooling").output)(photo_array))
    difference = np.abs(dequantize(features, scale, zero_point) - pooled).max()
    assert difference <= (0.002 if METHODS[method].weights in ("float32", "float16") else 0.05) * pooled.max()


def test_names_of_the_outputs_are_in_the_signature(tflite_files):
    count, content = add_features(tflite_files["int8"].read_bytes())
    assert count == 128
    signatures = Interpreter(model_content=content).get_signature_list()
    assert signatures["serving_default"]["outputs"] == ["features", "scores"]


def test_network_without_a_dense_layer_has_no_features(tflite_files):
    _, content = add_features(tflite_files["float32"].read_bytes())
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    # The pooled features as the only output.
    model.subgraphs[0].outputs = model.subgraphs[0].outputs[1:]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    with pytest.raises(StageError, match="no pooled features"):
        add_features(bytes(builder.Output()))


@pytest.mark.parametrize("method", ["float32", "int8"])
def test_both_outputs_are_predicted_in_photo_order(tflite_files, photo_array, as_pixels, tmp_path, method):
    from edgetl.engines.tflite import runtime

    path, kernels = tmp_path / "model.tflite", "xnnpack"
    path.write_bytes(add_features(tflite_files[method].read_bytes())[1])
    counts: list[int] = []
    both = predict_features(path, as_pixels(photo_array), kernels, counts.append)
    assert sum(counts) == len(photo_array) and both.features.shape == (len(photo_array), 128)
    # A file with features is scored as any other.
    expected = runtime.predict_file(path, as_pixels(photo_array), kernels, lambda _: None).scores
    np.testing.assert_array_equal(both.scores, expected)
    last = predict_features(path, as_pixels(photo_array[-1:]), kernels, lambda _: None)
    np.testing.assert_array_equal(both.features[-1], last.features[0])


def test_file_without_features_is_an_error(tflite_files, photo_array, as_pixels):
    with pytest.raises(StageError, match="no second output"):
        predict_features(tflite_files["float32"], as_pixels(photo_array), "reference", lambda _: None)
