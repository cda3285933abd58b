"""float_layers.py: operators without an integer kernel, grouped by layer, and the sentence about them."""

from edgetl.core.network.float_layers import Operator, describe_float_layers, group_float_layers
from edgetl.core.network.layer_names import NamedLayer

LAYERS = tuple(NamedLayer(name, kind, common=False) for name, kind in (("norm", "LayerNormalization"), ("up", "Dense")))
WEIGHTED = {"FULLY_CONNECTED"}


def make_operator(name, kind, *, quantized=True):
    return Operator(name=name, type=kind, quantized=quantized)


OPERATORS = (
    make_operator("m/conv_1/Conv2D", "CONV_2D"),
    make_operator("m/norm_1/mean", "MEAN"),
    make_operator("m/norm_1/Neg", "NEG", quantized=False),
    make_operator("m/norm_1/add", "ADD"),
    make_operator("m/up_1/MatMul", "FULLY_CONNECTED"),
    make_operator("m/up_1/Elu", "ELU", quantized=False),
    make_operator("m/unknown", "CUMSUM", quantized=False),
)


def test_a_layer_stays_in_float_as_a_whole_but_for_its_matrix_products():
    norm, up, unknown = group_float_layers(OPERATORS, LAYERS, WEIGHTED)
    assert (norm.name, norm.types) == ("LayerNormalization 'norm'", ("NEG",))
    assert norm.kept == ("m/norm_1/mean", "m/norm_1/Neg", "m/norm_1/add")
    assert (up.name, up.kept) == ("Dense 'up'", ("m/up_1/Elu",))
    assert (unknown.name, unknown.kept) == ("CUMSUM 'm/unknown'", ("m/unknown",))


def test_a_matrix_product_that_the_quantizer_leaves_in_float_is_kept():
    operators = (make_operator("m/up_1/MatMul", "FULLY_CONNECTED", quantized=False),)
    assert group_float_layers(operators, LAYERS, WEIGHTED)[0].kept == ("m/up_1/MatMul",)


def test_a_model_with_integer_kernels_for_all_operators_has_no_float_layer():
    assert group_float_layers(OPERATORS[:2], LAYERS, WEIGHTED) == ()


def test_the_sentence_names_layers_dtype_and_operators():
    layers = group_float_layers(OPERATORS, LAYERS, WEIGHTED)
    assert describe_float_layers(layers[:1], "int8") == (
        "LayerNormalization 'norm' stays in float32: no int8 kernel for NEG"
    )
    assert describe_float_layers(layers[:2], "int8") == (
        "LayerNormalization 'norm', Dense 'up' stay in float32: no int8 kernel for ELU, NEG"
    )
