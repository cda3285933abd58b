"""The estimate of a latency: a range from published latencies."""

import pytest

from edgetl.core.device.target_schema import DeviceTable
from edgetl.core.device.targets import list_targets
from edgetl.core.microcontroller.latency import (
    PUBLISHED,
    describe_latency,
    estimate_latency,
    find_published,
    format_latency,
)


def make_device(cpu="Cortex-M4", clock_hz=64_000_000):
    return DeviceTable(arch=("armv7e-m",), cpu=cpu, cores=1, clock_hz=clock_hz, ram_bytes=1)


def test_cycles_of_a_multiplication_are_plausible_and_have_a_source():
    for row in PUBLISHED:
        # No Cortex-M4 has more than 2 multiplications of int16 a cycle, and no M85 more than 8 of int8.
        assert 0.125 < row.cycles_per_multiplication < 10
        assert row.source.startswith("https://") and row.board
    assert {row.core for row in PUBLISHED} == {"Cortex-M4", "Cortex-M7", "Cortex-M33", "Cortex-M85"}


def test_a_published_network_is_inside_its_own_range():
    for row in PUBLISHED:
        low, high = estimate_latency(make_device(row.core, row.clock_hz), row.multiplications)
        assert low <= row.ms * 1.000001 and row.ms <= high * 1.000001


def test_the_range_is_scaled_by_clock_and_multiplications():
    low, high = estimate_latency(make_device(), 1_000_000)
    # 389.55 ms of 12.50 million and 301.22 ms of 7.49 million multiplications at 120 MHz.
    assert (low, high) == (pytest.approx(58.43, abs=0.01), pytest.approx(75.41, abs=0.01))
    assert estimate_latency(make_device(clock_hz=128_000_000), 2_000_000) == (low, high)


@pytest.mark.parametrize("device", [None, make_device("Xtensa LX7")])
def test_a_core_without_a_published_latency_has_no_estimate(device):
    assert estimate_latency(device, 1) is None and format_latency(device, 1) == "" and find_published(device) == []


@pytest.mark.parametrize(
    ("multiplications", "text"),
    [(1_000_000, "58 … 75"), (10_000_000, "580 … 750"), (20_000, "1.2 … 1.5"), (2_000, "0.12 … 0.15")],
)
def test_two_digits_are_shown(multiplications, text):
    assert format_latency(make_device(), multiplications) == text


def test_each_library_has_a_sentence():
    cmsis, cube = describe_latency({"Cortex-M4", "Cortex-M7"})
    assert "an estimate and not a measurement: for Cortex-M4, published latencies of CMSIS-NN on NUCLEO-L4R5ZI" in cmsis
    assert "for Cortex-M7, published latencies of STM32Cube.AI" in cube
    assert describe_latency({"Xtensa LX7"}) == []


def test_every_cortex_m_board_has_an_estimate():
    devices = [target.device for target in list_targets() if target.device and "Cortex-M" in target.device.cpu]
    assert len(devices) == 5 and all(format_latency(device, 10**7) for device in devices)
