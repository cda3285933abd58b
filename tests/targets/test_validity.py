"""validity.py: which samples of the board make a benchmark INVALID, and with which reasons."""

import pytest

HZ = 2_400_000_000


@pytest.fixture(scope="module")
def validity(import_payload):
    return import_payload("validity")


@pytest.fixture(scope="module")
def make_samples(import_payload):
    """Make samples one second apart; each argument is a list with one value per sample."""
    board = import_payload("board")
    full_speed = {
        "temperature_c": 50.0,
        "frequency_hz": HZ,
        "clock_hz": HZ,
        "throttled": 0,
        "others_s": 100.0,
        "resident_bytes": 1,
    }

    def make(**columns):
        count = len(next(iter(columns.values())))
        rows = [{name: values[index] for name, values in columns.items()} for index in range(count)]
        return [board.BoardSample(**{**full_speed, "at_s": float(index), **row}) for index, row in enumerate(rows)]

    return make


@pytest.mark.parametrize(
    ("columns", "reasons"),
    [
        ({"throttled": [0, 0, 0]}, []),
        # A condition before the run does not count, one during it does.
        ({"throttled": [0x50000, 0x50000]}, []),
        ({"throttled": [0x50000, 0x50005]}, ["throttled during the run", "under-voltage during the run"]),
        # It began and ended between two samples: only the bits since boot show it.
        ({"throttled": [0x0, 0x0, 0x10000]}, ["under-voltage during the run"]),
        ({"throttled": [0x0, 0x8, 0x80000]}, ["soft temperature limit during the run"]),
        ({"throttled": [0, None]}, ["the throttling state of the board is unknown"]),
        ({"throttled": [None, None]}, ["the throttling state of the board is unknown"]),
        ({"frequency_hz": [HZ, 2_200_000_000]}, []),
        ({"frequency_hz": [HZ, 1_500_000_000, HZ]}, ["the processor clock dropped to 1.50 GHz of 2.40 GHz"]),
        # A governor that never leaves the lowest clock shows no change: the highest clock is the reference.
        ({"frequency_hz": [1_500_000_000] * 3}, ["the processor clock dropped to 1.50 GHz of 2.40 GHz"]),
        ({"frequency_hz": [None, None]}, []),
        # The firmware throttles without notifying the kernel.
        ({"clock_hz": [HZ, 1_000_000_000]}, ["the processor clock dropped to 1.00 GHz of 2.40 GHz"]),
        ({"others_s": [100.0, 100.1, 100.3]}, []),
        ({"others_s": [100.0, 100.5, 101.0]}, ["other programs used 0.50 cores"]),
        ({"others_s": [100.0, 99.9]}, []),
        ({"others_s": [None, None]}, []),
    ],
)
def test_reasons_on_a_raspberry_pi(validity, make_samples, columns, reasons):
    assert validity.list_invalid_reasons(make_samples(**columns), HZ, raspberry=True) == reasons


@pytest.mark.parametrize(
    ("columns", "reasons"),
    [
        ({"throttled": [None, None]}, []),
        # A PC does not sustain its highest clock: the highest clock of the samples is the reference.
        ({"frequency_hz": [1_800_000_000, 1_790_000_000], "clock_hz": [None, None]}, []),
        (
            {"frequency_hz": [1_800_000_000, 900_000_000], "clock_hz": [None, None]},
            ["the processor clock dropped to 0.90 GHz of 1.80 GHz"],
        ),
        ({"others_s": [0.0, 1.0]}, ["other programs used 1.00 cores"]),
    ],
)
def test_reasons_on_a_pc(validity, make_samples, columns, reasons):
    assert validity.list_invalid_reasons(make_samples(**columns), HZ, raspberry=False) == reasons


def test_all_reasons_are_listed(validity, make_samples):
    samples = make_samples(throttled=[0, 4], frequency_hz=[HZ, HZ // 2], others_s=[0.0, 2.0])
    assert len(validity.list_invalid_reasons(samples, HZ, raspberry=True)) == 3


def test_load_of_a_single_sample_is_unknown(validity, make_samples):
    assert validity.compute_others_cores(make_samples(others_s=[5.0])) is None
