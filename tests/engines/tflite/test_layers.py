"""Operators of a file with shapes, filters and multiplications."""

from edgetl.engines.tflite.layers import describe_features, measure_layers


def test_layers_have_shapes_filters_and_multiplications(tflite_files):
    layers = measure_layers(tflite_files["int8"])
    for layer in layers:
        if layer.type == "CONV_2D":
            height, width = layer.kernel
            outputs = layer.output_shape[1] * layer.output_shape[2] * layer.output_shape[3]
            assert layer.multiplications == outputs * height * width * layer.input_shape[-1] > 0
        elif layer.type == "DEPTHWISE_CONV_2D":
            assert layer.kernel != (0, 0) and layer.multiplications > 0
        elif layer.type == "FULLY_CONNECTED":
            assert layer.multiplications == layer.input_shape[-1] * layer.output_shape[-1]
        else:
            assert layer.multiplications == 0 and layer.kernel == (0, 0)
    assert any(layer.multiplications for layer in layers)


def test_a_file_with_one_output_has_no_features(tflite_files):
    assert describe_features(tflite_files["int8"]) == ()
