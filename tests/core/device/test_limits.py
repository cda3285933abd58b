"""limits.py: an exceeded limit is described, and an invalid measurement is not compared."""

import pytest

from edgetl.core.device import limits
from edgetl.core.device.measurement import Measurement
from edgetl.core.device.target_schema import LimitsTable
from edgetl.core.records import Artifact

ARTIFACT = Artifact.model_construct(method="int8", bytes=1000)


@pytest.mark.parametrize(("limit", "message"), [(None, ""), (1000, ""), (999, "int8 takes 1000 bytes, 999 allowed")])
def test_size_of_the_model_file_is_compared(limit, message):
    assert limits.check_model_bytes(ARTIFACT, LimitsTable(model_bytes=limit)) == message


@pytest.mark.parametrize(
    ("limit", "message"), [(None, ""), (4.0, ""), (3.9, "int8 takes 4.000 ms (3.600 … 4.400), 3.9 allowed")]
)
def test_median_latency_on_the_best_number_of_threads_is_compared(measure_json, limit, message):
    measurement = Measurement.model_validate(measure_json)
    assert limits.check_latency(measurement, LimitsTable(latency_ms=limit)) == message


def test_latency_of_an_invalid_measurement_is_not_compared(measure_json):
    """A throttled board is slower than usual."""
    measurement = Measurement.model_validate(measure_json | {"valid": False, "reasons": ["throttled"]})
    assert limits.check_latency(measurement, LimitsTable(latency_ms=3.9)) == ""
