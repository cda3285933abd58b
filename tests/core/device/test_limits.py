"""limits.py: an exceeded limit is described, and an invalid measurement is not compared."""

import pytest

from edgetl.core.device import limits
from edgetl.core.device.measurement import Measurement
from edgetl.core.device.target_schema import LimitsTable
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.records import Artifact
from edgetl.core.rejection.records import AnswerCounts, AnswerRule, ForeignCounts
from edgetl.core.rejection.selective import SelectiveThreshold

ARTIFACT = Artifact.model_construct(method="int8", bytes=1000, features=0)


@pytest.mark.parametrize(("limit", "message"), [(None, ""), (1000, ""), (999, "int8 takes 1000 bytes, 999 allowed")])
def test_size_of_the_model_file_is_compared(limit, message):
    assert limits.check_model_bytes(ARTIFACT, LimitsTable(model_bytes=limit)) == message


MEMORY = (MemoryUse.model_construct(tested_bytes=90_000, scratch_bytes=10_000, layers=()),)
FILE = ARTIFACT.model_copy(update={"bytes": 200_000, "features": 8})
ADVICE = "by estimate, no network of MobileNet or MobileNetV2 fits"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (LimitsTable(), ""),
        (LimitsTable(arena_bytes=100_000, flash_bytes=220_000), ""),
        (LimitsTable(arena_bytes=99_999, flash_bytes=1), f"int8 takes 100000 bytes of arena, 99999 allowed; {ADVICE}"),
        # A tenth of the file is for the features of training photos.
        (LimitsTable(flash_bytes=219_999), f"int8 takes 220000 bytes of flash, 219999 allowed; {ADVICE}"),
    ],
)
def test_arena_and_flash_of_a_microcontroller_are_compared(table, message):
    assert limits.check_memory(MEMORY, FILE, table) == message
    assert limits.check_file_limits(FILE, MEMORY, table) == message
    assert limits.check_file_limits(FILE, (), table) == ""


@pytest.mark.parametrize(
    ("limit", "message"), [(None, ""), (4.0, ""), (3.9, "int8 takes 4.000 ms (3.600 … 4.400), 3.9 allowed")]
)
def test_median_latency_on_the_best_number_of_threads_is_compared(measure_json, limit, message):
    measurement = Measurement.model_validate(measure_json)
    assert limits.check_latency(measurement, LimitsTable(latency_ms=limit)) == message


def test_latency_of_an_invalid_measurement_is_not_compared(measure_json):
    """A throttled board is slower than usual."""
    measurement = Measurement.model_validate(measure_json | {"valid": False, "reasons": ["throttled"]})
    assert limits.check_latency(measurement, LimitsTable(latency_ms=3.9)) == ""


def make_rule(**changes):
    counts = {
        "foreign": (),
        "far": (make_counts("drawn images", 0), make_counts("shuffled patches", 8)),
        "own": AnswerCounts(photos=400, known=390, answered=300, wrong=3, right_without=370),
        "selective": SelectiveThreshold.model_construct(confidence=0.95),
        "multi_label": False,
    }
    return AnswerRule.model_construct(**{**counts, **changes})


def make_counts(title, answered, photos=200):
    return ForeignCounts(title=title, photos=photos, known=answered, answered=answered)


@pytest.mark.parametrize(
    ("foreign", "limit", "message"),
    [
        (None, None, ""),
        # The upper bound of 8 of 200, by Wilson, is 7.69 %.
        (None, 0.08, ""),
        (
            None,
            0.07,
            "foreign_accepted: 8 of 200 photos get a label (shuffled patches), at most 7.69% by the 95% interval, "
            "7.00% allowed",
        ),
        (0, 0.07, ""),
        (
            20,
            0.1,
            "foreign_accepted: 20 of 200 photos get a label (--foreign), at most 14.94% by the 95% interval, "
            "10.00% allowed",
        ),
    ],
)
def test_photos_of_the_user_take_the_place_of_drawn_images(foreign, limit, message):
    rule = make_rule(foreign=() if foreign is None else (make_counts("--foreign", foreign),))
    assert limits.check_foreign_accepted([rule], LimitsTable(foreign_accepted=limit)) == message


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (None, ""),
        (0.026, ""),
        (
            0.025,
            "error_accepted: 3 of 300 answers to test photos are wrong, at most 2.56% by the 95% bound, 2.50% allowed",
        ),
    ],
)
def test_wrong_answers_are_judged_by_their_bound(limit, message):
    assert limits.check_error_accepted([make_rule()], LimitsTable(error_accepted=limit)) == message


def test_file_without_features_exceeds_both_limits():
    table = LimitsTable(foreign_accepted=0.05, error_accepted=0.05)
    first, second = limits.check_answers([], table)
    assert first.startswith("foreign_accepted: the file has no features") and second.startswith("error_accepted: the")
    assert limits.check_answers([], LimitsTable()) == () == limits.check_answers([make_rule()], LimitsTable())


def test_error_of_one_label_is_not_judged_for_several():
    sentences = limits.check_answers([make_rule(multi_label=True)], LimitsTable(error_accepted=0.9))
    assert sentences == ("error_accepted: it is for one class a photo, and a photo may have several labels here",)
