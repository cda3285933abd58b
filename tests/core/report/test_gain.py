"""gain.py: what a file gains over float32, in sentences."""

from edgetl.core.report.gain import Gain, Latencies, describe_gain


def test_gain_is_described_for_each_place():
    here = Latencies(where="on one thread of this machine", ms=1.78, float32_ms=3.56, disturbed=True)
    pi = Latencies(where="on pi@a", ms=30.0, float32_ms=20.0)
    gain = Gain(method="int8", model_bytes=640_000, float32_bytes=1_920_000, latencies=(here, pi))
    assert describe_gain(gain) == [
        "int8 against float32: 640 kB instead of 1.92 MB (3.0 times smaller)",
        "  on one thread of this machine: 1.78~ ms instead of 3.56~ ms (2.0 times as fast)",
        "  on pi@a: 30.00 ms instead of 20.00 ms (1.5 times as slow)",
    ]


def test_larger_file_says_so():
    gain = Gain(method="mixed8-16", model_bytes=200_000, float32_bytes=100_000)
    assert describe_gain(gain) == ["mixed8-16 against float32: 200 kB instead of 100 kB (2.0 times larger)"]
