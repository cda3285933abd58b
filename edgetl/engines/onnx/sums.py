"""Sums that a converter has merged into a convolution or matrix product, as a bias that is not constant → additions.

onnxruntime has integer kernels for constant biases only.
"""

from collections.abc import Iterator

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from edgetl.engines.onnx import graph

# Shape of a bias as an addend. That of a convolution, [channels], becomes a feature map of one pixel.
_SHAPES: dict[str, tuple[int, ...]] = {"Conv": (1, -1, 1, 1), "Gemm": ()}


def restore_sums(model: ModelProto) -> None:
    """Replace biases that are not constant by additions.

    tf2onnx 1.17 merges the sum of a convolution and another layer's output into the convolution, as its bias, if the
    feature map has one pixel. If the convolution has a bias already, the output becomes a second one, which is invalid.
    tf2onnx and onnxruntime 1.32 merge the sum of a matrix product and another one into a Gemm, as in recurrent layers.

    Args:
        model: a float graph; is changed.
    """
    constants = graph.find_constants(model)
    # In reverse order, because insertions change the positions of all later nodes.
    for place, node in reversed(list(enumerate(model.graph.node))):
        addends = [name for name in node.input[2:] if node.op_type in _SHAPES and name not in constants]
        if not addends or _read_factor(node) != 1:
            continue
        shape = _SHAPES[node.op_type]
        if shape:
            model.graph.initializer.append(numpy_helper.from_array(np.array(shape), f"{node.name}/shape"))
        for addition in reversed(list(_split_sum(node, addends, has_shape=bool(shape)))):
            model.graph.node.insert(place + 1, addition)


def _read_factor(node: NodeProto) -> float:
    """Return the factor of the bias of a Gemm."""
    return next((attribute.f for attribute in node.attribute if attribute.name == "beta"), 1.0)


def _split_sum(node: NodeProto, addends: list[str], *, has_shape: bool) -> Iterator[NodeProto]:
    """Take the addends from a node; yield the nodes that add them to its output."""
    output, total = node.output[0], f"{node.name}/alone"
    node.input[:] = [*node.input[:2], *(name for name in node.input[2:] if name not in addends)]
    node.output[:] = [total]
    for number, addend in enumerate(addends, 1):
        added, previous = f"{node.name}/added{number}" if has_shape else addend, total
        total = output if number == len(addends) else f"{node.name}/sum{number}"
        if has_shape:
            yield helper.make_node("Reshape", [addend, f"{node.name}/shape"], [added], name=added)
        yield helper.make_node("Add", [previous, added], [total], name=f"{node.name}/Add{number}")
