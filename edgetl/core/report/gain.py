"""What a file gains over the float32 file of the same model: bytes, and latency where it was measured."""

from dataclasses import dataclass

from edgetl.core.report.tables import format_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Latencies:
    """Latency of a file and of its float32 file in one place, milliseconds.

    Attributes:
        where: where both were measured, in words.
        ms: of the file.
        float32_ms: of the float32 file.
        disturbed: whether other processes disturbed one of the measurements.
    """

    where: str
    ms: float
    float32_ms: float
    disturbed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Gain:
    """A file beside its float32 file."""

    method: str
    model_bytes: int
    float32_bytes: int
    latencies: tuple[Latencies, ...] = ()


def describe_gain(gain: Gain) -> list[str]:
    """Describe a gain in lines: the size, and a line for each place."""
    sizes = f"{format_bytes(gain.model_bytes)} instead of {format_bytes(gain.float32_bytes)}"
    lines = [
        f"{gain.method} against float32: {sizes} ({_describe_ratio(gain.float32_bytes / gain.model_bytes, 'size')})"
    ]
    for entry in gain.latencies:
        mark = "~" if entry.disturbed else ""
        times = f"{entry.ms:.2f}{mark} ms instead of {entry.float32_ms:.2f}{mark} ms"
        lines.append(f"  {entry.where}: {times} ({_describe_ratio(entry.float32_ms / entry.ms, 'speed')})")
    return lines


def _describe_ratio(ratio: float, kind: str) -> str:
    """Describe a ratio of float32 to the file: above 1, the file is better."""
    better, worse = {"size": ("smaller", "larger"), "speed": ("as fast", "as slow")}[kind]
    return f"{ratio:.1f} times {better}" if ratio >= 1 else f"{1 / ratio:.1f} times {worse}"
