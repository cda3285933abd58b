"""chain.py: what all targets share, asked for format by format and kernel by kernel; the whole is in test_build.py."""

import shutil
from pathlib import Path

import pytest

from edgetl.chain import Chain
from edgetl.core import runs
from edgetl.core.console import Console
from edgetl.core.records import Verdict


@pytest.fixture
def chain(built, order, tmp_path):
    """The shared run in a copy."""
    with runs.opened(Path(shutil.copytree(built.run, tmp_path / "run"))) as run:
        yield Chain(order, run, Console(quiet=True))


def test_the_ledger_by_kernels(chain):
    artifact = chain.artifact("tflite", "int8")
    fast = chain.steps(artifact, "test", "xnnpack")
    assert [name for name, _ in fast] == ["Keras", "float32 TFLite", "int8, reference kernels", "int8, XNNPACK"]
    assert [scores.kernels for _, scores in fast] == [
        "keras-tensorflow",
        "litert-xnnpack",
        "litert-reference",
        "litert-xnnpack",
    ]
    plain = chain.steps(artifact, "test", "reference")
    assert [name for name, _ in plain] == ["Keras", "float32 TFLite", "int8, reference kernels"]
    assert plain[-1][1].kernels == "litert-reference"


def test_float32_has_no_hop_before_itself(chain):
    names = [name for name, _ in chain.steps(chain.artifact("tflite", "float32"), "test", "xnnpack")]
    assert names == ["Keras", "float32, reference kernels", "float32, XNNPACK"]


def test_verdicts_on_two_kinds_of_kernels_live_beside_each_other(chain):
    artifact = chain.artifact("tflite", "int8")
    for kernels in ("xnnpack", "reference"):
        chain.verdict(artifact, "validation", kernels)
    for folder in ("verify-tflite-int8-validation", "verify-tflite-int8-reference-validation"):
        assert runs.read_stage(chain.run.root / folder, Verdict) is not None


def test_few_photos_are_drawn_evenly(chain):
    artifact = chain.artifact("tflite", "int8")
    assert chain.answers(artifact, "test", "xnnpack").photos == len(chain.dataset.test)
    assert chain.answers(artifact, "test", "xnnpack", at_most=5).photos == 5
