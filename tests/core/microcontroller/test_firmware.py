"""The generated files: they compile without warnings in C and C++, and contain what they were made from."""

import ctypes
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from edgetl.core.microcontroller.firmware import FIRMWARE_FILES, write_firmware
from tests.fixtures.tflm_stub import write_tflm_stub
from tests.targets.microcontroller_library import SOURCES, WARNINGS, Answer, Settings


@pytest.fixture
def compile_firmware(tmp_path):
    """Return a function that writes a model and the C files of the target, and compiles them to a library."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")

    def compile_contents(contents, compiler="gcc", options=("-std=c99",)):
        for name, content in write_firmware(contents).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content)
        sources = [*SOURCES.glob("*.c"), *(tmp_path / "src").glob("*.c")]
        command = [compiler, *options, *WARNINGS, f"-I{SOURCES}", f"-I{tmp_path / 'src'}", "-shared", "-fPIC"]
        subprocess.run([*command, "-o", tmp_path / "model.so", *sources, "-lm"], check=True)
        return ctypes.CDLL(str(tmp_path / "model.so"))

    return compile_contents


def test_all_files_are_written(make_contents):
    assert write_firmware(make_contents()).keys() == FIRMWARE_FILES.keys()


def test_same_contents_give_the_same_bytes(make_contents):
    assert write_firmware(make_contents()) == write_firmware(make_contents())


def test_compiled_files_contain_the_model_and_the_settings(make_contents, compile_firmware):
    contents = make_contents()
    library = compile_firmware(contents)
    model = (ctypes.c_ubyte * len(contents.model)).in_dll(library, "edgetl_model")
    assert bytes(model) == contents.model and ctypes.addressof(model) % 16 == 0
    assert ctypes.c_size_t.in_dll(library, "edgetl_model_bytes").value == len(contents.model)
    settings = Settings.in_dll(library, "edgetl_model_settings")
    names = ctypes.cast(settings.names, ctypes.POINTER(ctypes.c_char_p))
    assert tuple(names[index].decode() for index in range(settings.labels)) == contents.labels
    assert (settings.references, settings.features, settings.features_zero_point) == (5, 4, -128)
    assert settings.least_probability == 0.9 and settings.output_scale == 1 / 256
    reference = ctypes.string_at(settings.reference, contents.reference.size)
    np.testing.assert_array_equal(np.frombuffer(reference, np.int8), contents.reference.ravel())
    frame = (ctypes.c_int * 3).in_dll(library, "edgetl_resized_frame")
    assert tuple(frame)[:2] == (80, 60)


def test_the_self_check_of_a_device_finds_what_the_build_found(make_contents, compile_firmware):
    library = compile_firmware(make_contents())
    lines = []
    write_line = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(lambda line: lines.append(line.decode()))
    memory = (ctypes.c_int32 * 20_000)()
    frame = ctypes.byref((ctypes.c_int * 3).in_dll(library, "edgetl_resized_frame"))
    size = type("Size", (ctypes.Structure,), {"_fields_": [(name, ctypes.c_int) for name in ("w", "h", "fit")]})(
        8, 6, 2
    )
    assert library.edgetl_check_resize(frame, size, memory, ctypes.c_size_t(80_000), write_line) == 0
    assert library.edgetl_check_resize(frame, size, memory, ctypes.c_size_t(100), write_line) == 1
    assert lines == ["resize: the bytes of the build", lines[1]] and lines[1].startswith("resize: not checked")
    # Three pointers and three integers.
    golden = (ctypes.c_ubyte * 40).in_dll(library, "edgetl_golden_photos")
    settings = Settings.in_dll(library, "edgetl_model_settings")
    features = (ctypes.c_int8 * 4)(*[127] * 4)
    library.edgetl_decide.restype = Answer
    outputs = (ctypes.c_uint8 * 3)(1, 250, 5)
    answer = library.edgetl_decide(ctypes.byref(settings), outputs, features)
    codes = [
        library.edgetl_compare_golden(
            ctypes.byref(golden), ctypes.byref(settings), (ctypes.c_uint8 * 3)(*values), features, write_line
        )
        for values in ((1, 250, 5), (1, 249, 5), (1, 5, 250))
    ]
    # The golden answer is "unsure"; a reference of noise may make it "none of these", which differs.
    same = (answer.known, answer.accepted) == (1, 0)
    assert codes == ([0, 1, 2] if same else [2, 2, 2])
    assert "DIFFERS" in lines[-1] and "of the build" in lines[-1]


@pytest.mark.parametrize("thresholds", [(), (0.5, 0.25, 0.125)])
def test_files_without_features_compile_in_cplusplus(make_contents, compile_firmware, thresholds):
    contents = make_contents()
    plain = make_contents(
        reference=contents.reference[:0],
        facts={},
        label_thresholds=thresholds,
        memory=contents.memory.model_copy(update={"features": ()}),
    )
    library = compile_firmware(plain, "g++", ("-x", "c++", "-std=c++17"))
    settings = Settings.in_dll(library, "edgetl_model_settings")
    assert (settings.features, settings.reference, settings.least_similarities) == (0, None, None)
    assert bool(settings.label_thresholds) == bool(thresholds)


@pytest.fixture
def classifier(make_contents, tmp_path):
    """The C files with edgetl_classify.cc, linked with an interpreter that replays the golden photos."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    contents = make_contents()
    # The drawn frame is resized in the arena.
    memory = contents.memory.model_copy(update={"tested_bytes": 80_000})
    # The replayed features are similar to those of the training photos.
    golden = tuple(replace(photo, accepted=True) for photo in contents.golden)
    contents = replace(contents, memory=memory, golden=golden)
    for name, content in write_firmware(contents).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    replay = write_tflm_stub(tmp_path / "stub")
    folders = (SOURCES, tmp_path / "src", tmp_path / "stub")
    flags = [*WARNINGS, *(f"-I{folder}" for folder in folders), "-fPIC", "-O0"]
    c_files = [*SOURCES.glob("*.c"), *(tmp_path / "src").glob("*.c")]
    objects = tmp_path / "c.o"
    subprocess.run(["gcc", "-std=c99", *flags, "-r", "-nostdlib", "-o", objects, *c_files], check=True)
    library = tmp_path / "classifier.so"
    sources = [SOURCES / "edgetl_classify.cc", replay]
    subprocess.run(["g++", "-std=c++17", *flags, "-shared", "-o", library, *sources, objects, "-lm"], check=True)
    return ctypes.CDLL(str(library))


def self_check(library):
    lines = []
    write_line = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(lambda line: lines.append(line.decode()))
    return library.edgetl_self_check(write_line), lines


def test_the_self_check_runs_the_interpreter(classifier):
    code, lines = self_check(classifier)
    assert (code, lines[-1]) == (0, "This device computes what the build computed.")
    assert any("arena: 77 of " in line for line in lines)
    ctypes.c_int.in_dll(classifier, "replay_offset").value = 1
    code, lines = self_check(classifier)
    assert code == 2 and lines[-1] == "2 of 3 checks DIFFER from the build"


@pytest.mark.parametrize("failure", [1, 3, 4])
def test_the_code_of_an_interpreter_that_cannot_be_made(classifier, failure):
    ctypes.c_int.in_dll(classifier, "replay_failure").value = failure
    code, lines = self_check(classifier)
    assert code == -1 and lines[-1] == f"the interpreter cannot be made: code {failure} of edgetl_begin"
