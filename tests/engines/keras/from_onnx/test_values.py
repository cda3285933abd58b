"""values.py: an image has the axes of the graph, whatever the order of its Keras tensor."""

import keras

from edgetl.engines.keras.from_onnx.values import GraphTensor, with_channels_last, with_graph_axes


def test_shape_is_that_of_the_graph():
    image = keras.Input((8, 10, 3))
    assert GraphTensor(image, True).shape == (3, 8, 10)
    assert GraphTensor(image).shape == (8, 10, 3)


def test_axes_are_moved_only_where_they_differ():
    image = keras.Input((8, 10, 3))
    assert with_channels_last(GraphTensor(image, True)).tensor is image
    assert with_graph_axes(GraphTensor(image)) is image
    assert with_graph_axes(GraphTensor(image, True)).shape == (None, 3, 8, 10)
    assert with_channels_last(GraphTensor(keras.Input((3, 8, 10)))).tensor.shape == (None, 8, 10, 3)
