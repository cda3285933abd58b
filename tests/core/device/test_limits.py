"""demands.py: what a target asks for besides accuracy, and what is said where it is not met."""

from types import SimpleNamespace

import pytest

from edgetl.core.device import limits
from edgetl.core.device.target_schema import LimitsTable
from edgetl.core.records import Artifact

FILE = Artifact.model_construct(method="int8", bytes=1000)


def measure(ms: float, *, valid: bool = True):
    steady = SimpleNamespace(p50=SimpleNamespace(ms=ms, low_ms=0.9 * ms, high_ms=1.1 * ms))
    return SimpleNamespace(method="int8", valid=valid, best=SimpleNamespace(steady=steady))


@pytest.mark.parametrize(("allowed", "said"), [(None, ""), (1000, ""), (999, "int8 takes 1000 bytes, 999 allowed")])
def test_bytes(allowed, said):
    assert limits.check_model_bytes(FILE, LimitsTable(model_bytes=allowed)) == said


@pytest.mark.parametrize(
    ("allowed", "valid", "said"),
    [
        (None, True, ""),
        (20.0, True, ""),
        (19.5, True, "int8 takes 20.000 ms (18.000 … 22.000), 19.5 allowed"),
        # Of a throttled board nobody knows how fast it is.
        (19.5, False, ""),
    ],
)
def test_milliseconds(allowed, valid, said):
    assert limits.check_latency(measure(20.0, valid=valid), LimitsTable(latency_ms=allowed)) == said
