"""What the latency of the networks of a sweep is: a measurement on a device or on this machine, or an estimate.

A microcontroller runs no program that could measure it over ssh, and LiteRT's latency on this machine does not even
order networks as a Cortex-M does. Its latency is estimated, or unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edgetl.core.device.targets import Target
from edgetl.core.microcontroller.latency import describe_latency, estimate_latency, find_published
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.microcontroller.npu import NPUS


@dataclass(frozen=True, kw_only=True, slots=True)
class LatencySource:
    """Where latencies come from.

    Attributes:
        kind: "none" where nothing is known about the latency.
        title: of the column of milliseconds.
        sentence: for the user, before the first network.
    """

    kind: Literal["device", "host", "estimate", "none"]
    title: str
    sentence: str

    @property
    def is_measured(self) -> bool:
        """Whether latencies are measurements."""
        return self.kind in ("device", "host")


def find_latency_source(target: Target, device: str) -> LatencySource:
    """Find where the latencies of a sweep come from.

    Args:
        target: of the sweep.
        device: ssh name of the device that is measured; "" for none.
    """
    if device:
        return LatencySource(kind="device", title=f"on {device}", sentence=f"latency is measured on {device}")
    if target.runtime.judge != "tflm":
        title = "one thread of this machine, not the device"
        sentence = "latency is that of this machine: which network is faster, and not how fast it is on the device"
        return LatencySource(kind="host", title=title, sentence=sentence)
    if target.runtime.npu:
        name = NPUS[target.runtime.npu].title
        sentence = f"milliseconds are Vela's estimate for {name}, and not a measurement"
        return LatencySource(kind="estimate", title=f"Vela's estimate for {name}", sentence=sentence)
    if target.device is not None and find_published(target.device):
        core = target.device.cpu
        sentence = "; ".join(describe_latency([core]))
        return LatencySource(kind="estimate", title=f"upper end of an estimate for {core}", sentence=sentence)
    core = target.device.cpu if target.device is not None else "any microcontroller"
    sentence = (
        f"no latency is known for {core}: of networks that are not certainly less accurate, the smallest is chosen"
    )
    return LatencySource(kind="none", title=f"unknown for {core}", sentence=sentence)


def estimate_ms(target: Target, memory: Sequence[MemoryUse]) -> float | None:
    """Return the estimated milliseconds of a photo on a microcontroller, the upper end of a range.

    Args:
        target: of the sweep.
        memory: what the file needs.

    Returns:
        None where nothing is known.
    """
    for use in memory:
        for compiled in use.npu:
            return compiled.figures.ms
        estimate = estimate_latency(target.device, use.multiplications)
        return None if estimate is None else estimate[1]
    return None
