"""undecided.py: every way out of an UNDECIDED verdict is true when it is followed."""

from pathlib import Path

import pytest

from edgetl.core.evaluation.balanced.class_counts import BalancedCounts
from edgetl.core.evaluation.contract import PairCounts, decide_outcome
from edgetl.core.evaluation.undecided import PhotoSource, advise_on_undecided, find_deciding_limits
from edgetl.core.verdict_records import ClassChange, Verdict

FOLDERS = PhotoSource(folder=Path("photos"), fraction=0.2, takes_test_option=True, trains=True)


def make_verdict(broke: int, fixed: int, photos: int, limit_drop: float = 0.01) -> Verdict:
    decision = decide_outcome(PairCounts(broke, fixed, photos), limit_drop, confidence=0.95)
    return Verdict.model_construct(
        method="int8",
        broke=broke,
        fixed=fixed,
        photos=photos,
        outcome=decision.outcome,
        drop_low=decision.low,
        drop_high=decision.high,
        limit_drop=limit_drop,
        photos_needed=decision.photos_needed,
    )


COUNTS = [(7, 3, 657), (5, 4, 517), (12, 2, 300), (0, 0, 27), (3, 3, 50), (40, 1, 2000)]


@pytest.mark.parametrize("counts", COUNTS)
def test_suggested_limits_decide(counts):
    verdict = make_verdict(*counts)
    passing, failing = find_deciding_limits(verdict)
    assert passing is not None and passing - verdict.drop_high < 2e-4
    assert decide_outcome(PairCounts(*counts), passing, confidence=0.95).outcome == "PASS"
    # A step less would not.
    assert decide_outcome(PairCounts(*counts), max(0.0, passing - 2e-4), confidence=0.95).outcome != "PASS"
    if failing is None:
        assert verdict.drop_low <= 2e-4
    else:
        assert decide_outcome(PairCounts(*counts), failing, confidence=0.95).outcome == "FAIL"


def test_bound_on_a_step_is_still_reached():
    verdict = Verdict.model_construct(drop_high=0.0155, drop_low=0.0031)
    passing, failing = find_deciding_limits(verdict)
    assert passing >= verdict.drop_high and failing < verdict.drop_low
    assert (round(passing, 4), round(failing, 4)) == (0.0155, 0.003)


def test_all_ways_are_listed():
    verdict = make_verdict(7, 3, 657)
    assert verdict.photos_needed == 2500
    assert advise_on_undecided(verdict, FOLDERS) == [
        "add about 13,000 photos to the class folders in photos: about 0.2 of them become test photos",
        "bring about 3,157 test photos with --test DIR, in the same class folders",
        "with the photos at hand, --method int8 --limit-drop 0.0156 or more is a PASS",
        "--cross-fit 5 trains five times and judges the procedure, not this file, on all photos",
    ]


def test_photos_in_a_test_folder_are_all_test_photos():
    source = PhotoSource(folder=Path("photos/test"), fraction=1.0, takes_test_option=False, trains=False)
    first, *rest = advise_on_undecided(make_verdict(7, 3, 657), source)
    assert first == "add about 2,500 photos to the class folders in photos/test: all of them become test photos"
    assert len(rest) == 1 and "--limit-drop" in rest[0]


def test_where_no_photo_can_be_added_only_the_limit_decides():
    source = PhotoSource(folder=None, fraction=0.5, takes_test_option=False, trains=False)
    (way,) = advise_on_undecided(make_verdict(7, 3, 657), source)
    assert "--limit-drop" in way


def test_limit_that_fails_is_listed_where_the_loss_is_certain():
    lines = advise_on_undecided(make_verdict(12, 2, 300, limit_drop=0.04), FOLDERS)
    assert any("or less is a FAIL" in line for line in lines)


def test_photos_are_not_suggested_where_no_number_decides():
    verdict = make_verdict(7, 3, 657).model_copy(update={"photos_needed": None})
    assert not any(
        "photos to the class folders" in line or "--test" in line for line in advise_on_undecided(verdict, FOLDERS)
    )


def test_decided_verdict_needs_nothing():
    assert make_verdict(0, 0, 2000).outcome == "PASS"
    assert advise_on_undecided(make_verdict(0, 0, 2000), FOLDERS) == []


def test_rarest_class_is_named_where_the_contract_holds_balanced_accuracy():
    classes = tuple(
        ClassChange(name=name, photos=photos, reference_accuracy=1.0, accuracy=1.0, broke=0, fixed=0)
        for name, photos in (("ok", 650), ("fault", 7))
    )
    update = {"measure": "balanced", "per_class": classes, "confidence": 0.95, "design_effect": 1.0}
    verdict = make_verdict(7, 3, 657).model_copy(update=update)
    first, *_ = advise_on_undecided(verdict, FOLDERS)
    assert first.startswith("above all add photos of fault: 7 of 657 test photos are of it, and about ")
    each = int(first.removesuffix(" of each class would decide it").rpartition(" ")[2].replace(",", ""))

    def decide(photos: int) -> str:
        return decide_outcome(BalancedCounts((0, 0), (0, 0), (photos, photos)), 0.01, confidence=0.95).outcome

    assert decide(each) == "PASS" and decide(each - 20) == "UNDECIDED"
