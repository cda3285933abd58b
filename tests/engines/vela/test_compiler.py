"""Vela as a child process: what it makes of a file, and how its failures are explained."""

import hashlib

import pytest

from edgetl.core.errors import StageError
from edgetl.core.microcontroller.npu import NPUS
from edgetl.core.records import Artifact

pytest.importorskip("ethosu", reason="Vela is not installed: pip install 'edgetl[ethos]'")


@pytest.fixture
def artifact(tflite_files):
    return Artifact.model_construct(path=tflite_files["int8"], sha256="0" * 64, operators={"CONV_2D": 9})


def test_a_file_is_compiled_with_its_figures(artifact, tmp_path):
    from edgetl.engines.vela.compiler import compile_file

    compiled = compile_file(artifact, NPUS["ethos-u55-128"], tmp_path)
    assert compiled.npu == "ethos-u55-128" and compiled.version.startswith("5.")
    assert compiled.path.parent == tmp_path and compiled.path.read_bytes()[4:8] == b"TFL3"
    assert compiled.sha256 == hashlib.sha256(compiled.path.read_bytes()).hexdigest()
    assert compiled.figures.sram_bytes > 0 and compiled.figures.cycles > 0 and compiled.fallback == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NPUS))
def test_operators_without_an_integer_kernel_are_named(artifact, tflite_files, tmp_path, name):
    from edgetl.engines.vela.compiler import compile_file

    artifact = artifact.model_copy(update={"path": tflite_files["float32"]})
    compiled = compile_file(artifact, NPUS[name], tmp_path)
    assert any(row.startswith("CONV_2D ") for row in compiled.fallback)


def test_a_damaged_file_is_an_error_with_the_reason(artifact, tmp_path):
    from edgetl.engines.vela.compiler import compile_file

    path = tmp_path / "model.tflite"
    path.write_bytes(b"no model")
    with pytest.raises(StageError, match="Vela cannot compile the file: "):
        compile_file(artifact.model_copy(update={"path": path}), NPUS["ethos-u55-128"], tmp_path)


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("noise\nError: Invalid tflite file\n\nmore\n", 1, "Error: Invalid tflite file"),
        ("first\nlast\n", 1, "last"),
        ("", -9, "its process ended with -9 and no message"),
    ],
)
def test_the_reason_is_found_in_the_output(text, code, reason):
    from edgetl.engines.vela.compiler import explain_vela_failure

    assert explain_vela_failure(text, code) == reason
