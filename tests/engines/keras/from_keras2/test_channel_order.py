"""A reversal of the channels at the input is folded into the first convolution, and nothing else is changed."""

from dataclasses import replace

import numpy as np
import pytest

from edgetl.engines.keras.from_keras2.channel_order import fold_reversed_channels
from edgetl.engines.keras2_graph import SavedCall, SavedGraph, SavedInput, SavedLayer

REVERSED = {"tuple": [{"ellipsis": True}, {"slice": [None, None, -1]}]}
KERNEL = np.arange(3.0).reshape(1, 1, 3, 1)


def make_graph(*calls):
    """A graph of layers one after the other: each is a SavedLayer with its keyword arguments."""
    saved = []
    for index, (layer, kwargs) in enumerate(calls):
        tensor = {"tensor": index}
        function = {"x": tensor, **kwargs} if layer.class_name == "TFOpLambda" else kwargs
        args = [] if layer.class_name.endswith("OpLambda") else [tensor]
        named = {"tensor": tensor, **kwargs} if layer.class_name == "SlicingOpLambda" else function
        saved.append(SavedCall(layer=index, args=args, kwargs=named, outputs=[index + 1]))
    return SavedGraph(
        layers=tuple(layer for layer, _ in calls),
        calls=tuple(saved),
        inputs=(SavedInput(tensor=0, shape=[4, 4, 3], dtype="float32"),),
        outputs=(len(calls),),
        arrays=(np.array([4.0, 5.0, 6.0]),),
    )


def layer(class_name, *weights, **config):
    return SavedLayer(name="x", class_name=class_name, config=config, weights=weights)


def function(name):
    return layer("TFOpLambda", function=name)


SLICE = layer("SlicingOpLambda", function="__operators__.getitem")
CONVOLUTION = layer("Conv2D", KERNEL, filters=1)


def test_reversal_is_left_out_and_weights_are_reversed():
    graph = fold_reversed_channels(make_graph((SLICE, {"slice_spec": REVERSED}), (CONVOLUTION, {})))
    assert [graph.layers[call.layer].class_name for call in graph.calls] == ["Conv2D"]
    assert graph.calls[0].args == [{"tensor": 0}]
    assert graph.layers[1].weights[0].ravel().tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("constant", "expected"),
    [([1.0, 2.0, 3.0], [3, 2, 1]), ({"array": 0}, [6, 5, 4]), (7.0, 7.0), ([[1, 2, 3]], [[3, 2, 1]])],
)
def test_constants_after_the_reversal_are_reversed(constant, expected):
    shift = function("math.subtract"), {"y": constant, "name": None}
    graph = fold_reversed_channels(make_graph((SLICE, {"slice_spec": REVERSED}), shift, (CONVOLUTION, {})))
    assert graph.calls[0].kwargs == {"x": {"tensor": 0}, "y": expected, "name": None}


def test_layers_before_the_reversal_stay_and_those_after_it_are_reversed():
    scales = layer("Rescaling", scale=[1.0, 2.0, 3.0], offset=0.0)
    graph = make_graph((scales, {}), (SLICE, {"slice_spec": REVERSED}), (scales, {}), (CONVOLUTION, {}))
    folded = fold_reversed_channels(graph)
    assert [folded.layers[call.layer].config.get("scale") for call in folded.calls] == [[1, 2, 3], [3, 2, 1], None]


@pytest.mark.parametrize(
    "calls",
    [
        [(CONVOLUTION, {})],
        [(SLICE, {"slice_spec": {"tuple": [{"ellipsis": True}, {"slice": [None, None, 2]}]}}), (CONVOLUTION, {})],
        [(SLICE, {"slice_spec": REVERSED}), (layer("DepthwiseConv2D", KERNEL), {})],
        [(SLICE, {"slice_spec": REVERSED}), (layer("Flatten"), {}), (CONVOLUTION, {})],
        [(SLICE, {"slice_spec": REVERSED}), (replace(CONVOLUTION, config={"groups": 3}), {})],
    ],
)
def test_other_graphs_stay(calls):
    graph = make_graph(*calls)
    assert fold_reversed_channels(graph) is graph


def test_reverse_of_the_last_axis_is_folded():
    reverse = function("reverse")
    call = SavedCall(layer=0, args=[], kwargs={"tensor": {"tensor": 0}, "axis": [-1]}, outputs=[1])
    graph = make_graph((reverse, {}), (CONVOLUTION, {}))
    folded = fold_reversed_channels(replace(graph, calls=(call, graph.calls[1])))
    assert len(folded.calls) == 1
