"""Sets of files that are generated for a bundle: the C files of a microcontroller."""

from typing import get_args

import numpy as np
import pytest

from edgetl.core.device.bundle_files import BundleContents, GoldenSet, select_golden_photos
from edgetl.core.device.target_schema import GeneratorName
from edgetl.core.device.targets import find_target
from edgetl.core.errors import StageError
from edgetl.core.generators import generators
from edgetl.core.generators.generators import GENERATORS
from edgetl.core.microcontroller.firmware import FIRMWARE_FILES
from edgetl.core.microcontroller.memory import ArenaUse, MemoryUse, SizedLayer
from edgetl.core.microcontroller.npu import NpuFigures, NpuFile
from edgetl.core.records import TensorSpec


@pytest.fixture
def contents(built, shared_dataset):
    """The records of the shared run, for a microcontroller."""
    (delivered,) = built.targets
    artifact, trained = delivered.artifact, built.trained
    photos = select_golden_photos(shared_dataset)
    units = artifact.output.shape[-1]
    outputs = np.zeros((len(photos), units), np.uint8)
    outputs[:, units - 1] = 200
    layer = SizedLayer(
        name="a", type="CONV_2D", input_shape=(1, 1), output_shape=(1, 1), kernel=(1, 1), multiplications=1
    )
    memory = MemoryUse(
        artifact_sha256=artifact.sha256,
        arena=ArenaUse(total_bytes=64, head_bytes=32, tail_bytes=32, allocations=()),
        tested_bytes=64,
        scratch_bytes=0,
        version="1",
        layers=(layer,),
        features=(TensorSpec(name="f", shape=(1, 4), dtype="int8", scale=1.0, zero_point=0),),
    )
    return BundleContents(
        target=find_target("microcontroller"),
        trained=trained,
        artifact=artifact,
        verdict=delivered.verdict,
        dataset=shared_dataset,
        recipe={},
        golden=GoldenSet(
            photos=photos, pixels=np.zeros((len(photos), *trained.input.shape), np.uint8), outputs=outputs
        ),
        memory=(memory,),
    )


def test_every_name_has_a_generator():
    assert {*get_args(GeneratorName)} == GENERATORS.keys()


def test_the_model_and_three_photos_are_written(contents):
    files = GENERATORS["microcontroller"](contents, {"model.tflite": b"TFL3"})
    assert files.keys() == FIRMWARE_FILES.keys()
    assert b"EDGETL_MODEL_BYTES 4u" in files["src/model.h"]
    assert b"EDGETL_GOLDEN_PHOTOS 3\n" in files["src/golden.h"]
    last = len(contents.trained.classes) - 1
    assert files["src/golden.c"].count(f", {last}, 1, 1}},".encode()) == 3


@pytest.mark.parametrize("change", ["no memory", "memory of another file"])
def test_memory_that_was_not_measured_is_an_error(contents, change):
    from dataclasses import replace

    memory = () if change == "no memory" else (contents.memory[0].model_copy(update={"artifact_sha256": "1"}),)
    with pytest.raises(StageError, match="memory of the file was not measured"):
        GENERATORS["microcontroller"](replace(contents, memory=memory), {})


def test_what_a_generator_needs_is_fetched_before_a_training(monkeypatch):
    fetched = []
    monkeypatch.setitem(generators._PREPARATIONS, "litert_js", lambda: fetched.append("litert_js"))
    generators.prepare_generators(("phone_page", "microcontroller"))
    assert fetched == []
    generators.prepare_generators(("litert_js", "phone_page"))
    assert fetched == ["litert_js"]


def test_the_file_for_an_npu_is_copied_unless_it_has_changed(contents, tmp_path):
    import hashlib
    from dataclasses import replace

    path = tmp_path / "model_vela.tflite"
    path.write_bytes(b"compiled")
    figures = NpuFigures(sram_bytes=1, dram_bytes=0, flash_bytes=1, cycles=1, clock_hz=1)
    sha256 = contents.artifact.sha256
    compiled = NpuFile(
        npu="ethos-u55-128",
        path=path,
        sha256=hashlib.sha256(b"compiled").hexdigest(),
        bytes=8,
        artifact_sha256=sha256,
        figures=figures,
        version="5",
        operators=1,
        fallback=(),
    )
    with pytest.raises(StageError, match="not compiled for an NPU"):
        GENERATORS["ethos_u"](contents, {})
    contents = replace(contents, memory=(contents.memory[0].model_copy(update={"npu": (compiled,)}),))
    files = GENERATORS["ethos_u"](contents, {})
    assert files["ethos-u/model_vela.tflite"] == b"compiled" and b"Ethos-U55" in files["ethos-u/README.md"]
    path.write_bytes(b"changed")
    with pytest.raises(StageError, match="the file changed since it was made"):
        GENERATORS["ethos_u"](contents, {})
