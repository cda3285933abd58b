"""Operators of TensorFlow that tf2onnx has no translation for → the ONNX operators that compute the same.

tf2onnx leaves such an operator in the graph under TensorFlow's name, and only the check of the finished file finds it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper


@dataclass(frozen=True, slots=True)
class _Builder:
    """Collects the nodes and constants that replace a node."""

    name: str
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def add_node(self, op_type: str, *inputs: str) -> str:
        """Add a node; return its output."""
        name = f"{self.name}/{op_type}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [name], name=name))
        return name

    def add_constant(self, value: float) -> str:
        """Add a number, of rank 1 as `convert` needs it; return its name."""
        name = f"{self.name}/constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array([value], np.float32), name))
        return name


def _replace_erfc(build: _Builder, inputs: list[str]) -> str:
    return build.add_node("Sub", build.add_constant(1), build.add_node("Erf", inputs[0]))


def _replace_expm1(build: _Builder, inputs: list[str]) -> str:
    return build.add_node("Sub", build.add_node("Exp", inputs[0]), build.add_constant(1))


def _replace_log1p(build: _Builder, inputs: list[str]) -> str:
    return build.add_node("Log", build.add_node("Add", inputs[0], build.add_constant(1)))


def _replace_xlogy(build: _Builder, inputs: list[str]) -> str:
    """0 where x is 0, else x * log(y)."""
    zero = build.add_constant(0)
    product = build.add_node("Mul", inputs[0], build.add_node("Log", inputs[1]))
    return build.add_node("Where", build.add_node("Equal", inputs[0], zero), zero, product)


# Source of the formulas: documentation of tf.raw_ops.
_REPLACEMENTS: dict[str, Callable[[_Builder, list[str]], str]] = {
    "Erfc": _replace_erfc,
    "Expm1": _replace_expm1,
    "Log1p": _replace_log1p,
    "Xlogy": _replace_xlogy,
    "Inv": lambda build, inputs: build.add_node("Reciprocal", inputs[0]),
    "AccumulateNV2": lambda build, inputs: build.add_node("Sum", *inputs),
}


def replace_missing_operators(model: ModelProto) -> None:
    """Replace the operators that ONNX does not have. The constants are those of float32.

    Args:
        model: from tf2onnx; is changed.

    Raises:
        ValueError: there is no replacement for an operator.
    """
    # In reverse order, because insertions change the positions of all later nodes.
    for place, node in reversed(list(enumerate(model.graph.node))):
        if node.op_type not in _REPLACEMENTS:
            continue
        build = _Builder(node.name)
        output = _REPLACEMENTS[node.op_type](build, list(node.input))
        # The last node of the formula outputs what the node did.
        (last,) = [new for new in build.nodes if output in new.output]
        last.output[:] = node.output
        model.graph.initializer.extend(build.constants)
        del model.graph.node[place]
        for new in reversed(build.nodes):
            model.graph.node.insert(place, new)
    unknown = sorted(set(_list_unknown(model)))
    if unknown:
        raise ValueError(f"ONNX has no operator {', '.join(unknown)}")


def _list_unknown(model: ModelProto) -> Iterator[str]:
    versions = {opset.domain: opset.version for opset in model.opset_import}
    for node in model.graph.node:
        try:
            onnx.defs.get_schema(node.op_type, versions.get(node.domain, 1), node.domain)
        except onnx.defs.SchemaError:
            yield node.op_type
