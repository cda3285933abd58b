"""Where the latencies of a sweep come from, for each kind of target."""

from types import SimpleNamespace

import pytest

from edgetl.core.device.targets import find_target
from edgetl.core.microcontroller.latency import estimate_latency
from edgetl.core.sweep.latency_source import estimate_ms, find_latency_source


@pytest.mark.parametrize(
    ("target", "device", "kind", "title"),
    [
        ("raspberry-pi-4", "pi@kitchen", "device", "on pi@kitchen"),
        ("raspberry-pi-4", "", "host", "one thread of this machine, not the device"),
        ("browser", "", "host", "one thread of this machine, not the device"),
        ("arduino-nano-33-ble", "", "estimate", "upper end of an estimate for Cortex-M4"),
        ("ethos-u55-128", "", "estimate", "Vela's estimate for Arm Ethos-U55, 128 MAC"),
        ("esp32-s3", "", "none", "unknown for Xtensa LX7"),
        ("microcontroller", "", "none", "unknown for any microcontroller"),
    ],
)
def test_source_of_latencies(target, device, kind, title):
    source = find_latency_source(find_target(target), device)
    assert (source.kind, source.title) == (kind, title)
    assert source.is_measured == (kind in ("device", "host"))


def test_estimate_is_not_called_a_measurement():
    for target in ("arduino-nano-33-ble", "ethos-u55-128"):
        assert "not a measurement" in find_latency_source(find_target(target), "").sentence
    assert "NUCLEO-L4R5ZI" in find_latency_source(find_target("arduino-nano-33-ble"), "").sentence
    assert "the smallest is chosen" in find_latency_source(find_target("esp32-s3"), "").sentence


def test_estimate_is_the_upper_end_of_the_range_or_that_of_vela():
    board, unknown = find_target("arduino-nano-33-ble"), find_target("esp32-s3")
    plain = SimpleNamespace(npu=(), multiplications=10_000_000)
    estimate = estimate_latency(board.device, 10_000_000)
    assert estimate is not None and estimate_ms(board, (plain,)) == estimate[1] > estimate[0]
    compiled = SimpleNamespace(figures=SimpleNamespace(ms=1.5))
    assert estimate_ms(find_target("ethos-u55-128"), (SimpleNamespace(npu=(compiled,), multiplications=1),)) == 1.5
    assert estimate_ms(unknown, (plain,)) is None and estimate_ms(board, ()) is None
