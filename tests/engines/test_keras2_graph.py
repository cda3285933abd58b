"""A network of Keras 2 as data: written, read back, its arguments decoded."""

import numpy as np

from edgetl.engines.keras2_graph import (
    SavedCall,
    SavedGraph,
    SavedInput,
    SavedLayer,
    decode_argument,
    list_tensors,
    load_graph,
    replace_layer,
    save_graph,
)

GRAPH = SavedGraph(
    layers=(
        SavedLayer(name="a/b", class_name="Dense", config={"units": 2}, weights=(np.eye(2), np.zeros(2))),
        SavedLayer(name="add", class_name="TFOpLambda", config={"function": "math.add"}),
    ),
    calls=(
        SavedCall(layer=0, args=[{"tensor": 0}], kwargs={}, outputs=[1]),
        SavedCall(layer=1, args=[], kwargs={"x": {"tensor": 1}, "y": {"array": 0}}, outputs=[2]),
    ),
    inputs=(SavedInput(tensor=0, shape=[2], dtype="float32"),),
    outputs=(2,),
    arrays=(np.array([3.0, 4.0]),),
)


def test_graph_is_read_as_it_was_written(tmp_path):
    save_graph(GRAPH, tmp_path)
    graph = load_graph(tmp_path)
    assert (graph.calls, graph.inputs, graph.outputs) == (GRAPH.calls, GRAPH.inputs, GRAPH.outputs)
    for layer, expected in zip(graph.layers, GRAPH.layers, strict=True):
        assert (layer.name, layer.class_name, layer.config) == (expected.name, expected.class_name, expected.config)
        assert all(map(np.array_equal, layer.weights, expected.weights))
    assert np.array_equal(graph.arrays[0], [3.0, 4.0])


def test_arguments_are_decoded():
    encoded = [{"tuple": [{"ellipsis": True}, {"slice": [None, {"tensor": 1}, -1]}]}, {"dict": {"k": {"array": 0}}}, 2]
    decoded = decode_argument(encoded, lambda number: f"tensor {number}", (np.array(7),))
    assert decoded == [(Ellipsis, slice(None, "tensor 1", -1)), {"k": np.array(7)}, 2]
    assert list_tensors(encoded) == [1]


def test_layer_is_replaced():
    changed = replace_layer(GRAPH, 0, name="c")
    assert [layer.name for layer in changed.layers] == ["c", "add"] and GRAPH.layers[0].name == "a/b"


def test_layer_is_named_with_its_class():
    assert str(GRAPH.layers[0]) == "'a/b' of class Dense"
