from edgetl.core.rejection.reliability import Reliability, ReliabilityBin
from edgetl.core.rejection.temperature import TemperatureFit
from edgetl.core.report.calibration_lines import describe_reliability, describe_temperature
from tests.core.report.test_tables import copy_verdict


def make_fit(**changes):
    values = {
        "temperature": 1.53,
        "photos": 640,
        "log_loss": (0.4, 0.3),
        "calibration_error": (0.06, 0.02),
        "changed": 0,
    }
    return TemperatureFit(**(values | changes))


def make_reliability(title, error):
    rows = (
        ReliabilityBin(low=7 / 15, high=8 / 15, photos=10, probability=0.5, accuracy=0.4),
        ReliabilityBin(low=13 / 15, high=14 / 15, photos=30, probability=0.9, accuracy=0.8),
        ReliabilityBin(low=14 / 15, high=1.0, photos=60, probability=0.99, accuracy=1.0),
    )
    return Reliability(title=title, calibration_error=error, bins=rows)


def test_temperature_is_described_with_what_it_changes():
    (line,) = describe_temperature(make_fit())
    assert "temperature 1.530" in line and "--no-temperature" in line and "640 validation photos" in line
    assert "log loss 0.4000 before, 0.3000 after" in line
    assert "expected calibration error 0.0600 before, 0.0200 after" in line


def test_weights_that_stay_are_explained():
    (line,) = describe_temperature(make_fit(temperature=1.0, changed=2))
    assert line.startswith("no temperature: ") and "2 of 640 validation photos" in line


def test_a_temperature_that_one_photo_would_decide_is_explained():
    (line,) = describe_temperature(make_fit(temperature=1.0))
    assert line.startswith("no temperature: one wrong prediction more of the ")


def test_reliability_is_two_lines():
    rows = tuple(make_reliability(title, error) for title, error in (("a", 0.06), ("b", 0.02), ("c", 0.03)))
    assert describe_reliability(copy_verdict(temperature=1.53, reliability=rows)) == [
        "  expected calibration error, 15 bins of equal width: Keras 0.0600 without its temperature of 1.530, 0.0200; "
        "int8 0.0300",
        "  probabilities of int8, up to 0.60: 10 photos, 0.500 said, 0.400 right; up to 0.93: 30 photos, 0.900 said, "
        "0.800 right; up to 1.00: 60 photos, 0.990 said, 1.000 right",
    ]


def test_reliability_without_a_temperature_and_of_labels():
    rows = (make_reliability("b", 0.02), make_reliability("c", 0.03))
    lines = describe_reliability(copy_verdict(labels=3, reliability=rows))
    assert lines[0].endswith("equal width: Keras 0.0200; int8 0.0300") and "10 decisions" in lines[1]


def test_verdict_of_an_earlier_version_has_no_reliability():
    assert describe_reliability(copy_verdict()) == []
