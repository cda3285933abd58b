"""Measurements → text for the user: the tables of latencies, and why a measurement is INVALID."""

import statistics
from collections.abc import Sequence

from edgetl.core.device.measurement import Measurement
from edgetl.core.report.tables import Table, format_bytes


def tabulate_measurements(measured: Sequence[tuple[str, Measurement]]) -> Table:
    """Tabulate latencies side by side. Only valid measurements of devices are compared.

    Args:
        measured: "host" or the name of a device, with its measurement.
    """
    medians = {
        where: measurement.best.steady.p50.ms
        for where, measurement in measured
        if measurement.valid and where != "host"
    }
    # A single measurement has no other to be faster than.
    fastest = min(medians, key=lambda where: medians[where]) if len(medians) > 1 else ""
    rows = [
        [
            where,
            f"{measurement.best.steady.p50.ms:.2f}",
            f"{measurement.best.steady.p50.low_ms:.2f} … {measurement.best.steady.p50.high_ms:.2f}",
            f"{measurement.best.steady.p90.ms:.2f}",
            f"{measurement.best.steady.p99.ms:.2f}",
            f"{measurement.photo.total.p50.ms:.2f}",
            "INVALID" if not measurement.valid else "fastest" if where == fastest else "",
        ]
        for where, measurement in measured
    ]
    columns = ["where", "invoke", "95 % interval", "p90", "p99", "photo", ""]
    return (f"milliseconds on {_name_machines(measured)}: medians of invoke and of a whole photo", columns, rows)


def tabulate_boards(measured: Sequence[tuple[str, Measurement]]) -> Table:
    """Tabulate what does not repeat with every photo, loading and the first invoke, and memory and board.

    Args:
        measured: "host" or the name of a device, with its measurement.
    """
    rows = [
        [
            where,
            f"{measurement.best_threads} of {measurement.board.cores}",
            f"{measurement.best.load_ms:.1f}",
            f"{measurement.best.first_ms:.2f}",
            format_bytes(measurement.memory.peak_bytes) if measurement.memory.peak_bytes is not None else "unknown",
            measurement.board.name,
        ]
        for where, measurement in measured
    ]
    columns = ["where", "threads", "load, ms", "first, ms", "memory", "board"]
    return (f"start and memory on {_name_machines(measured)}", columns, rows)


def tabulate_fleet(measured: Sequence[tuple[str, Measurement]], most: int) -> Table:
    """Tabulate many devices, one a line: the slowest first, and INVALID measurements last.

    Args:
        measured: name of each device, with its measurement.
        most: largest number of lines.
    """
    ordered = sorted(measured, key=lambda row: (not row[1].valid, -row[1].best.steady.p50.ms))
    rows = [
        [
            where,
            f"{measurement.best.steady.p50.ms:.2f}",
            f"{measurement.best.steady.p99.ms:.2f}",
            f"{measurement.photo.total.p50.ms:.2f}",
            format_bytes(measurement.memory.peak_bytes) if measurement.memory.peak_bytes is not None else "unknown",
            "" if measurement.valid else "INVALID",
        ]
        for where, measurement in ordered[:most]
    ]
    left_out = f", {most} of them shown" if len(measured) > most else ""
    title = f"milliseconds on {len(measured)} devices, slowest first{left_out}: invoke, and a whole photo"
    return (title, ["where", "invoke", "p99", "photo", "memory", ""], rows)


def summarize_fleet(measured: Sequence[Measurement], failed: int) -> str:
    """Summarize many devices in a sentence: how many were measured, and the spread of their latencies."""
    medians = sorted(measurement.best.steady.p50.ms for measurement in measured if measurement.valid)
    parts = [f"{len(measured)} of {len(measured) + failed} devices were measured"]
    if invalid := len(measured) - len(medians):
        parts.append(f"{invalid} of them INVALID")
    if medians:
        middle = statistics.median(medians)
        parts.append(f"invoke takes {middle:.2f} ms on the median device ({medians[0]:.2f} … {medians[-1]:.2f})")
    return "; ".join(parts)


def _name_machines(measured: Sequence[tuple[str, Measurement]]) -> str:
    return "the host, not the device" if [where for where, _ in measured] == ["host"] else "the devices"


def tabulate_photo_times(measurement: Measurement) -> Table:
    """Tabulate the latency of each step from a photo file to its labels."""
    photo = measurement.photo
    steps = {
        "decode": photo.decode,
        "preprocess": photo.preprocess,
        "invoke": photo.invoke,
        "postprocess": photo.postprocess,
        "total": photo.total,
    }
    rows = [
        [name, f"{times.p50.ms:.3f}", f"{times.p90.ms:.3f}", f"{times.p99.ms:.3f}", f"{times.runs}"]
        for name, times in steps.items()
    ]
    return (f"one photo on {measurement.board.name}, ms", ["step", "median", "p90", "p99", "runs"], rows)


def list_measurement_issues(where: str, measurement: Measurement) -> list[str]:
    """List why a measurement is INVALID, and which sensors could not be read, in sentences. Empty without issues."""
    lines = []
    if not measurement.valid:
        lines.append(f"{where}: INVALID, do not compare: {'; '.join(measurement.reasons)}")
    if measurement.unwatched:
        lines.append(f"{where}: not monitored: {', '.join(measurement.unwatched)}")
    return lines
