"""graph_file.py: a file that is read and written again computes the same and is quantized to the same bytes."""

import pytest
from ai_edge_litert import schema_py_generated as schema

from edgetl.engines.tflite import calibrate
from edgetl.engines.tflite.graph_file import list_named_operators, pack_model, read_kind, unpack_model


def test_a_file_that_is_written_again_is_quantized_to_the_same_bytes(calibrated_tflite):
    content = pack_model(unpack_model(calibrated_tflite))
    assert pack_model(unpack_model(content)) == content
    assert calibrate.quantize_model(content) == calibrate.quantize_model(calibrated_tflite)


def test_operators_are_listed_by_type_and_output(tflite_files):
    content = tflite_files["int8"].read_bytes()
    operators = list_named_operators(content)
    model = unpack_model(content)
    assert len(operators) == len(model.subgraphs[0].operators) and all(name for _, name in operators)
    assert {"CONV_2D", "FULLY_CONNECTED"} <= {kind for kind, _ in operators}
    model.operatorCodes[0].customCode = b"ethos-u"
    assert "ethos-u" in [kind for kind, _ in list_named_operators(pack_model(model))]


@pytest.mark.parametrize(("deprecated", "builtin"), [(65, 65), (65, 0), (127, 150)])
def test_the_kind_of_an_operator_is_in_either_field(deprecated, builtin):
    code = schema.OperatorCodeT(deprecatedBuiltinCode=deprecated, builtinCode=builtin)
    assert read_kind(code) == max(65, builtin)
