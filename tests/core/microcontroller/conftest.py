"""A small model for a microcontroller, made of arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgetl.core.microcontroller.contents import FirmwareContents, GoldenPhoto
from edgetl.core.microcontroller.memory import Allocation, ArenaUse, MemoryUse, SizedLayer
from edgetl.core.microcontroller.npu import NpuFigures, NpuFile
from edgetl.core.records import InputSpec, TensorSpec

LABELS = ('red "car"', "größe", "a\\b??/")


def make_layer(kind: str, **facts: Any) -> SizedLayer:
    values = {"input_shape": (1, 8, 8, 16), "output_shape": (1, 8, 8, 32), "kernel": (3, 3), "multiplications": 10}
    return SizedLayer(name=kind.lower(), type=kind, **{**values, **facts})


@pytest.fixture
def memory() -> MemoryUse:
    """Memory of a file with features."""
    allocations = (
        Allocation(name="TfLiteEvalTensor data", bytes=240, count=10),
        Allocation(name="NodeAndRegistration struct", bytes=192, count=3),
    )
    return MemoryUse(
        artifact_sha256="0" * 64,
        arena=ArenaUse(total_bytes=5000, head_bytes=4000, tail_bytes=1000, allocations=allocations),
        tested_bytes=5008,
        scratch_bytes=160,
        version="1.0",
        layers=(make_layer("CONV_2D"), make_layer("SOFTMAX"), make_layer("CONV_2D")),
        features=(TensorSpec(name="features", shape=(1, 4), dtype="int8", scale=0.1, zero_point=-128),),
    )


@pytest.fixture
def npu_file(tmp_path) -> NpuFile:
    """A file compiled for an NPU, of which one operator of four is on the Cortex-M."""
    return NpuFile(
        npu="ethos-u55-128",
        path=tmp_path / "model_vela.tflite",
        sha256="1" * 64,
        bytes=500,
        artifact_sha256="0" * 64,
        figures=NpuFigures(sram_bytes=78592, dram_bytes=0, flash_bytes=521168, cycles=678398, clock_hz=500_000_000),
        version="5.2.0",
        operators=4,
        fallback=("GELU block/gelu",),
    )


@pytest.fixture
def make_contents(memory: MemoryUse) -> Callable[..., FirmwareContents]:
    """Return a function that makes a model; keyword arguments replace fields."""

    def make(**fields: Any) -> FirmwareContents:
        random = np.random.default_rng(0)
        golden = GoldenPhoto(
            name="golden/0_car.png",
            pixels=random.integers(0, 256, (6, 8, 3), dtype=np.uint8),
            outputs=np.uint8([1, 250, 5]),
            label=1,
            known=True,
            accepted=False,
        )
        values: dict[str, Any] = {
            "model": bytes(range(256)) * 2,
            "sha256": "ab" * 32,
            "title": "A board */ of\nmine",
            "input_spec": InputSpec(height_px=6, width_px=8, fit="pad"),
            "image": TensorSpec(name="image", shape=(1, 6, 8, 3), dtype="uint8", scale=1.0, zero_point=0),
            "scores": TensorSpec(name="scores", shape=(1, 3), dtype="uint8", scale=1 / 256, zero_point=0),
            "labels": LABELS,
            "label_thresholds": (),
            "memory": memory,
            "facts": {"least_similarities": dict.fromkeys(LABELS, 0.25), "least_probability": 0.9},
            "reference": random.integers(-128, 128, (5, 4), dtype=np.int8),
            "golden": (golden, golden),
        }
        return FirmwareContents(**{**values, **fields})

    return make
