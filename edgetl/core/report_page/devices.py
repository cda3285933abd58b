"""Measurements on this machine and on devices: latencies, memory, and whether the board throttled meanwhile."""

from typing import Any

from edgetl.core.device.fleet import MANY_DEVICES
from edgetl.core.device.measurement import LatencyStatistics, Measurement
from edgetl.core.report import measurement_tables
from edgetl.core.report.tables import format_bytes
from edgetl.core.report_page.facts import RunFacts, TargetFacts

# Sample of the monitor → its title, the factor to the unit that is shown, and that unit.
_WATCHED = {
    "temperature_c": ("temperature", 1.0, "°C"),
    "frequency_hz": ("clock that the kernel requests", 1e-6, "MHz"),
    "clock_hz": ("clock that the firmware measures", 1e-6, "MHz"),
}


def collect_devices(run: RunFacts, target: TargetFacts) -> dict[str, Any] | None:
    """Collect the measurements of the file; None where nothing was measured."""
    if not target.measurements:
        return None
    # A device may be measured again with another file: its last latency of this file stays in latencies.json.
    measured = {where for where, _ in target.measurements}
    others = [
        (device, files[target.result.sha256])
        for device, files in target.result.device_ms.items()
        if target.result.sha256 in files and device not in measured
    ]
    return {
        "rows": [_describe_measurement(where, measurement) for where, measurement in target.measurements],
        "fleet": _tabulate_fleet([row for row in target.measurements if row[0] != "host"]),
        "others": others,
        "command": run.commands.get("bench", ""),
    }


def describe_throttling(measurement: Measurement) -> list[str]:
    """Say whether the board was slowed down, in sentences: temperature, power supply, other programs."""
    throttled, lines = measurement.throttled, []
    if throttled is None:
        lines.append("throttling: the board does not report it")
    else:
        now, before = ", ".join(throttled.now), ", ".join(throttled.since_boot)
        lines.append(f"throttling at the end: {now or 'none'}; since the board started: {before or 'none'}")
    if measurement.soak is not None:
        drift = measurement.soak.drift
        lines.append(
            f"{measurement.soak.seconds:.0f} s without a pause: at the end {abs(drift):.1%} "
            f"{'slower' if drift > 0 else 'faster'} than at the beginning"
        )
    if measurement.others_cores is not None:
        lines.append(f"other programs used {measurement.others_cores:.2f} cores")
    for name, values in measurement.watch.items():
        known = [value for value in values if value is not None]
        if known and name in _WATCHED:
            title, factor, unit = _WATCHED[name]
            # A value that did not change is one number.
            ends = dict.fromkeys(f"{value * factor:.0f}" for value in (min(known), max(known)))
            lines.append(f"{title}: {' … '.join(ends)} {unit}")
    if measurement.unwatched:
        lines.append(f"not monitored: {', '.join(measurement.unwatched)}")
    return lines


def _tabulate_fleet(measured: list[tuple[str, Measurement]]) -> tuple[str, list[str], list[list[str]], str] | None:
    """Tabulate many devices: title, columns, rows and a sentence. None where each has its own part of the page."""
    if len(measured) < MANY_DEVICES:
        return None
    table = measurement_tables.tabulate_fleet(measured, len(measured))
    return (*table, measurement_tables.summarize_fleet([row for _, row in measured], 0))


def _describe_measurement(where: str, measurement: Measurement) -> dict[str, Any]:
    board, memory = measurement.board, measurement.memory.peak_bytes
    return {
        "where": where,
        "is_host": where == "host",
        "valid": measurement.valid,
        "reasons": measurement.reasons,
        "board": board.name,
        "emulated": board.emulated,
        "started_at": measurement.started_at,
        "facts": [
            ("threads", f"{measurement.best_threads} of {board.cores}"),
            ("load", f"{measurement.best.load_ms:.1f} ms"),
            ("first invoke", f"{measurement.best.first_ms:.2f} ms"),
            ("memory", "unknown" if memory is None else format_bytes(memory)),
            ("governor", board.governor or "unknown"),
            ("fast kernels", "yes" if measurement.accelerated else "no"),
            ("system", f"{board.system}, {board.machine}, kernel {board.kernel}"),
        ],
        "times": [
            _list_times("invoke", measurement.best.steady),
            *(
                _list_times(name, getattr(measurement.photo, name))
                for name in ("decode", "preprocess", "postprocess", "total")
            ),
        ],
        "throttling": describe_throttling(measurement),
        "is_throttled": measurement.throttled is not None and bool(measurement.throttled.now),
    }


def _list_times(name: str, times: LatencyStatistics) -> list[str]:
    interval = f"{times.p50.low_ms:.2f} … {times.p50.high_ms:.2f}"
    return [
        "a whole photo" if name == "total" else name,
        *(f"{times.p50.ms:.2f}", interval, f"{times.p90.ms:.2f}", f"{times.p99.ms:.2f}", f"{times.runs}"),
    ]
