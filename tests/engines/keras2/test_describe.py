"""A model of Keras 2 as data: nested models are resolved, shared layers listed once, arguments encoded."""

from typing import Any


def describe(path: str) -> list[Any]:
    import pathlib

    from edgetl.engines.keras2.describe import describe_keras2
    from edgetl.engines.keras2.load import load_keras2

    graph = describe_keras2(load_keras2(pathlib.Path(path)))
    calls = [[graph.layers[call.layer].name, call.args, call.kwargs, call.outputs] for call in graph.calls]
    layers = {layer.name: [layer.class_name, dict(layer.config), len(layer.weights)] for layer in graph.layers}
    return [calls, layers, list(graph.outputs), [entry.shape for entry in graph.inputs]]


def test_layers_of_a_nested_model_are_called_one_by_one(keras2, keras2_files):
    calls, layers, outputs, shapes = keras2(describe, keras2_files / "nested.h5")
    assert "up/add" in layers and not any(kind == "Functional" for kind, *_ in layers.values())
    assert shapes == [[32, 32, 3]] and outputs == calls[-1][3]
    computed = {0}
    for _, args, _, numbers in calls:
        assert all(tensor["tensor"] in computed for tensor in (args[0] if isinstance(args[0], list) else args))
        computed |= set(numbers)


def test_config_has_no_names_of_modules_and_no_initializers(keras2, keras2_files):
    _, layers, *_ = keras2(describe, keras2_files / "flat.keras")
    kind, config, weights = layers["a/b"]
    assert (kind, config["activation"], weights) == ("Conv2D", "linear", 2)
    assert not any("initializer" in key or "regularizer" in key for key in config)


def test_arguments_of_functions_have_their_names(keras2, keras2_files):
    calls, layers, *_ = keras2(describe, keras2_files / "operation.h5")
    name, args, kwargs, _ = calls[0]
    assert layers[name][:2] == ["TFOpLambda", {"function": "__operators__.add"}]
    assert args == [] and kwargs == {"x": {"tensor": 0}, "y": 3.0, "name": None}
