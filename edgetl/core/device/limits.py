"""The limits of a target other than accuracy. Each check returns "" or a sentence that names the exceeded limit."""

from edgetl.core.device.measurement import Measurement
from edgetl.core.device.target_schema import LimitsTable
from edgetl.core.records import Artifact


def check_model_bytes(artifact: Artifact, limits: LimitsTable) -> str:
    """Compare the size of the model file with `model_bytes`. The rest of the bundle does not count."""
    allowed = limits.model_bytes
    if allowed is None or artifact.bytes <= allowed:
        return ""
    return f"{artifact.method} takes {artifact.bytes} bytes, {allowed} allowed"


def check_latency(measurement: Measurement, limits: LimitsTable) -> str:
    """Compare the median latency on the best number of threads with `latency_ms`; an INVALID measurement passes."""
    allowed = limits.latency_ms
    median = measurement.best.steady.p50
    # The latency of a throttled board is not that of the board.
    if allowed is None or not measurement.valid or median.ms <= allowed:
        return ""
    interval = f"{median.low_ms:.3f} … {median.high_ms:.3f}"
    return f"{measurement.method} takes {median.ms:.3f} ms ({interval}), {allowed:g} allowed"
