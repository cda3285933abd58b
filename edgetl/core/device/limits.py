"""What a target demands of a file besides its accuracy; where that is not met, a sentence, "" where it is."""

from edgetl.core.device.benchmark import Measurement
from edgetl.core.device.target_schema import LimitsTable
from edgetl.core.records import Artifact


def check_model_bytes(artifact: Artifact, limits: LimitsTable) -> str:
    """Of the model file alone; the bundle around it does not count."""
    allowed = limits.model_bytes
    if allowed is None or artifact.bytes <= allowed:
        return ""
    return f"{artifact.method} takes {artifact.bytes} bytes, {allowed} allowed"


def check_latency(measure: Measurement, limits: LimitsTable) -> str:
    """Of the model alone, its median on the best number of threads. A measure that is INVALID tells nothing."""
    allowed = limits.latency_ms
    median = measure.best.steady.p50
    if allowed is None or not measure.valid or median.ms <= allowed:
        return ""
    return (
        f"{measure.method} takes {median.ms:.3f} ms ({median.low_ms:.3f} … {median.high_ms:.3f}), {allowed:g} allowed"
    )
