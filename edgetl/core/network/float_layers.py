"""The operators of a model → the layers that the quantizer leaves in float, because they have no integer kernel."""

from collections.abc import Collection, Sequence

from edgetl.core.network.layer_names import NamedLayer, describe_names, find_layer
from edgetl.core.record import Record


class Operator(Record):
    """An operator of a model file. `quantized` is false where the quantizer leaves it in float."""

    name: str
    type: str
    quantized: bool


class FloatLayer(Record):
    """A layer with operators that have no integer kernel.

    `name` is that of the layer with its class, or that of the operator if its layer is unknown. `types` are the types
    of those operators. `kept` are the names of all operators of the layer that stay in float in a mixed file: all but
    its convolutions and matrix products.
    """

    name: str
    types: tuple[str, ...]
    kept: tuple[str, ...]


def group_float_layers(
    operators: Sequence[Operator], layers: Sequence[NamedLayer], weighted_types: Collection[str]
) -> tuple[FloatLayer, ...]:
    """Group the operators without an integer kernel by layer.

    Args:
        operators: all operators of the file.
        layers: the layers of the Keras model.
        weighted_types: types of convolutions and matrix products. They have integer kernels.

    Returns:
        One record for each layer, in the order of its first such operator.
    """
    named = [(operator, _name_layer(operator, layers)) for operator in operators]
    names = dict.fromkeys(name for operator, name in named if not operator.quantized)
    return tuple(
        FloatLayer(
            name=name,
            types=tuple(sorted({item.type for item, layer in named if layer == name and not item.quantized})),
            kept=tuple(
                item.name
                for item, layer in named
                if layer == name and (not item.quantized or item.type not in weighted_types)
            ),
        )
        for name in names
    )


def describe_float_layers(layers: Sequence[FloatLayer], dtype: str) -> str:
    """Say which layers stay in float, as in "LayerNormalization 'norm' stays in float32: no int8 kernel for NEG".

    Args:
        layers: at least one.
        dtype: dtype of the activations that the kernels would compute with.
    """
    types = sorted({operator for layer in layers for operator in layer.types})
    verb = "stays" if len(layers) == 1 else "stay"
    return (
        f"{describe_names([layer.name for layer in layers])} {verb} in float32: no {dtype} kernel for "
        f"{describe_names(types)}"
    )


def _name_layer(operator: Operator, layers: Sequence[NamedLayer]) -> str:
    layer = find_layer(operator.name, layers)
    return str(layer) if layer else f"{operator.type} {operator.name!r}"
