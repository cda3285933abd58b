"""choice.py: which file is chosen by each objective, and the reason for each of the others."""

import pytest

from edgetl.core.evaluation.balanced.class_counts import BalancedCounts
from edgetl.core.evaluation.balanced.measures import compare_files
from edgetl.core.evaluation.choice import Preference, choose_file, count_differences
from edgetl.core.evaluation.contract import PairCounts, decide_outcome
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.records import Artifact
from edgetl.core.verdict_records import ClassChange, Flip, Verdict

PHOTOS, LIMIT = 1000, 0.02


def make_verdict(broke=(), fixed=(), *, host_ms=1.0, host_disturbed=False, photos=PHOTOS) -> Verdict:
    """Make the verdict on a file that breaks and fixes the photos of these numbers."""
    flips = [Flip(path=f"{n}", truth="a", reference="a", artifact="b", confidence=0.5) for n in broke]
    flips += [Flip(path=f"{n}", truth="a", reference="b", artifact="a", confidence=0.5) for n in fixed]
    # Both wrong, and in different ways: it counts for neither.
    flips.append(Flip(path="other", truth="a", reference="b", artifact="c", confidence=0.5))
    decision = decide_outcome(PairCounts(len(broke), len(fixed), photos), LIMIT, confidence=0.95)
    return Verdict.model_construct(
        broke=len(broke),
        fixed=len(fixed),
        photos=photos,
        limit_drop=LIMIT,
        drop=decision.drop,
        outcome=decision.outcome,
        flips=tuple(flips),
        host_ms=host_ms,
        host_disturbed=host_disturbed,
    )


def make_attempts(**files) -> list[Attempt]:
    """Make attempts: method → (bytes, verdict), or why there is no file, or (bytes, verdict, unmet limit)."""
    attempts: list[Attempt] = []
    for method, file in files.items():
        candidate = None
        if not isinstance(file, str):
            size, verdict, *unmet = file
            artifact = Artifact.model_construct(format="tflite", method=method, bytes=size, sha256=method)
            number = sum(attempt.candidate is not None for attempt in attempts) + 1
            candidate = Candidate(artifact=artifact, validation=verdict, number=number, unmet="".join(unmet))
        reason = file if isinstance(file, str) else "a result"
        attempts.append(Attempt(method=method, seconds=1.0, reason=reason, candidate=candidate))
    return attempts


def choose(objective="balanced", pinned=None, device_ms=None, **files):
    """Choose among files; return the method of the chosen one, the reasons by method, and the next method."""
    preference = Preference(objective=objective, device_ms=device_ms or {})
    artifact = None if pinned is None else Artifact.model_construct(format="tflite", method=pinned)
    choice = choose_file(make_attempts(**files), preference, pinned=artifact)
    return choice.chosen.artifact.method, {a.method: a.reason for a in choice.attempts}, choice.next_method


# A verdict that holds a limit of 2 points on 1000 photos, whatever the number of files.
GOOD = make_verdict(range(3), range(3, 6))
# 25 photos fewer than the reference: over the limit.
OVER = make_verdict(range(30), range(100, 105))
# Within the limit by the observed drop, and its true drop may be over 3 points.
DOUBTFUL = make_verdict(range(45), range(100, 127))


# Pairs of files


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (([1, 2], []), ([2, 3], []), (1, 1)),
        (([], [1, 2]), ([], [2, 3]), (1, 1)),
        (([1], [2]), ([], []), (1, 1)),
        (([1, 2, 3], []), ([], [9]), (0, 4)),
        (([1, 2], [3]), ([1, 2], [3]), (0, 0)),
    ],
)
def test_files_are_compared_photo_by_photo(first, second, expected):
    assert count_differences(make_verdict(*first), make_verdict(*second)) == expected


# Objectives


FILES = {
    "int8": (600, make_verdict(range(3), [50], host_ms=2.0)),
    "mixed8": (1200, make_verdict(range(2), [50], host_ms=3.0)),
    "float16": (1300, make_verdict([], [51], host_ms=1.0)),
    "float32": (2400, make_verdict(host_ms=4.0)),
}


@pytest.mark.parametrize(
    ("objective", "method"), [("accuracy", "float16"), ("bytes", "int8"), ("latency", "float16"), ("balanced", "int8")]
)
def test_objective_decides_among_files_that_hold_the_limit(objective, method):
    assert choose(objective, **FILES)[0] == method


def test_order_of_preference_decides_between_equal_files_only():
    files = {"int8": (620, GOOD), "int8_more": (600, GOOD), "qat8": (300, GOOD)}
    assert choose(**files)[0] == "qat8"
    files["qat8"] = (590, GOOD)
    assert choose(**files)[0] == "int8", "within 10 % of the least, the first"
    assert choose("bytes", **files)[0] == "qat8", "bytes are exact"


def test_file_that_comes_later_is_chosen_where_it_is_more_accurate_smaller_and_faster():
    """The choice on ten classes that came first was twice as large and lost on test photos."""
    mixed = make_verdict(range(20), range(100, 106), host_ms=2.0)
    method, reasons, _ = choose(
        **{"int8": (640, OVER), "mixed8-16": (1210, mixed), "qat8": (628, make_verdict(range(4), range(200, 214)))}
    )
    assert method == "qat8"
    assert reasons["mixed8-16"].startswith("certainly less accurate than qat8 (right on ")


def test_balanced_leaves_out_files_that_are_certainly_less_accurate():
    worse = make_verdict(range(12), [])
    files = {"int8": (600, worse), "float16": (1200, make_verdict())}
    method, reasons, _ = choose(**files)
    assert method == "float16"
    expected = "certainly less accurate than float16 (right on 12 photos less and 0 more), but 2.0 times smaller"
    assert reasons["int8"] == expected
    assert choose("bytes", **files)[0] == "int8"


def test_balanced_counts_only_photos_on_which_the_files_differ():
    """Both lose the same twelve photos against Keras: neither is worse than the other."""
    files = {"int8": (600, make_verdict(range(12), [])), "mixed8": (900, make_verdict(range(11), []))}
    method, reasons, _ = choose(**files)
    assert method == "int8" and reasons["mixed8"] == "right on 1 photo more, and 1.5 times as large"


def test_comparison_is_corrected_for_the_number_of_files():
    """Five lost photos and none won: certainly worse at 95 %, and not at 99 %."""
    lost = {"int8": (600, make_verdict(range(4), []))}
    best = {"float16": (1200, make_verdict())}
    others = {f"mixed8-{count}": (2000, make_verdict()) for count in (1, 2, 4, 8, 16)}
    assert choose(**lost, **best)[0] == "float16" and choose(**lost, **best, **others)[0] == "int8"


def test_half_the_size_may_take_twice_as_long():
    small, fast = make_verdict(host_ms=3.0), make_verdict(host_ms=2.0)
    assert choose(int8=(600, small), float16=(1200, fast))[0] == "int8"
    slow = make_verdict(host_ms=5.0)
    assert choose(int16x8=(600, slow), float16=(1200, fast))[0] == "float16"


def test_disturbed_latencies_are_compared_for_latency_only():
    files = {
        "int8": (600, make_verdict(host_ms=9.0)),
        "float16": (1200, make_verdict(host_ms=2.0, host_disturbed=True)),
        "float32": (640, make_verdict(host_ms=1.0)),
    }
    method, reasons, _ = choose(**files)
    assert method == "int8" and reasons["float16"] == "as accurate, and 2.0 times as large"
    assert reasons["float32"] == "as accurate, about as large, and later in the order of preference"
    method, reasons, _ = choose("latency", **files)
    assert method == "float32" and reasons["float16"] == "as accurate, and 1.9 times as large and 2.0 times as slow"
    measured = {"int8": 9.0, "float16": 2.0, "float32": 9.0}
    assert choose(device_ms=measured, **files)[0] == "float16", "figures of a device are not those of the host"


def test_latencies_of_a_device_replace_those_of_the_host_where_all_files_have_one():
    files = {"int8": (1000, make_verdict(host_ms=1.0)), "float16": (1000, make_verdict(host_ms=9.0))}
    measured = {"int8": 30.0, "float16": 10.0}
    assert choose("latency", **files)[0] == "int8"
    assert choose("latency", device_ms=measured, **files)[0] == "float16"
    assert choose("latency", device_ms={"float16": 10.0}, **files)[0] == "int8"


# Groups


def test_file_that_does_not_hold_the_limit_is_not_chosen_beside_one_that_does():
    method, reasons, _ = choose("bytes", int8=(600, DOUBTFUL), float32=(2400, make_verdict()))
    assert method == "float32"
    expected = "loses 1.80 points, within the limit of 2, but its true drop may be +3.24: over 1.5 times the limit"
    assert reasons["int8"] == expected


def test_most_accurate_file_within_the_limit_is_chosen_where_none_holds_it():
    few = {"photos": 50}
    files = {
        "int8": (600, make_verdict([1], **few)),
        "mixed8": (700, make_verdict([], [2], **few)),
        "float16": (1200, make_verdict(**few)),
        "float32": (2400, make_verdict(**few)),
    }
    method, reasons, next_method = choose(**files)
    assert method == "mixed8" and next_method == "float16"
    assert reasons["mixed8"].startswith(
        "chosen: the most accurate within the limit; gains 2.00 points, within the limit of 2, but its true drop may"
    )
    assert reasons["float16"] == "right on 1 photo fewer, and 1.7 times as large"
    assert choose("bytes", **files)[0] == "int8"


def test_smaller_file_is_chosen_where_none_holds_the_limit_and_all_are_as_accurate():
    few = make_verdict(photos=50)
    method, reasons, _ = choose(int8=(600, few), float16=(1200, few))
    assert method == "int8" and reasons["float16"] == "as accurate, and 2.0 times as large"


def test_nearest_file_is_chosen_where_none_is_within_the_limit():
    far, near = make_verdict(range(60)), make_verdict(range(30))
    method, reasons, next_method = choose(
        int8=(600, far), float16=(900, near), float32=(900, make_verdict(), "too large")
    )
    assert method == "float16" and next_method == ""
    assert reasons["float16"].startswith("chosen: no file is within the limits, and this one exceeds them least; loses")
    assert reasons["float32"] == "too large"
    assert reasons["int8"] == "loses 6.00 points, certainly over the limit of 2"


def test_smaller_file_is_chosen_where_two_exceed_the_limit_alike():
    """On glass and metal, mixed8-8 and qat8 lost the same photos, and qat8 has half the size."""
    near = make_verdict(range(30))
    assert (
        choose(**{"int8": (600, make_verdict(range(31))), "mixed8-8": (1150, near), "qat8": (618, near)})[0] == "qat8"
    )


# Reasons


def test_every_attempt_has_a_reason():
    _, reasons, next_method = choose(
        int8=(600, OVER), int8_more="the ranges agree", mixed8=(700, GOOD), float16=(1400, GOOD)
    )
    assert reasons == {
        "int8": "loses 2.50 points, over the limit of 2",
        "int8_more": "the ranges agree",
        "mixed8": "chosen: the smallest and fastest that is about as accurate as the best; loses no accuracy, within "
        "the limit of 2",
        "float16": "as accurate, and 2.0 times as large",
    }
    assert next_method == "float16"


def test_only_file_needs_no_comparison():
    assert choose(int8=(600, GOOD)) == ("int8", {"int8": "chosen: loses no accuracy, within the limit of 2"}, "")


def test_equal_file_is_later_in_the_order_of_preference():
    _, reasons, _ = choose(int8=(600, GOOD), int8_more=(600, GOOD))
    assert reasons["int8_more"] == "as accurate, about as large and as fast, and later in the order of preference"


def test_less_accurate_file_is_not_said_to_be_later_in_the_order():
    worse = make_verdict([1])
    _, reasons, _ = choose("accuracy", **{"mixed8-4": (600, worse), "mixed8-8": (600, make_verdict())})
    assert reasons["mixed8-4"] == "right on 1 photo fewer, about as large and as fast"


def test_slower_and_larger_file_has_both_ratios():
    slow = make_verdict(range(3), range(3, 6), host_ms=2.5)
    _, reasons, _ = choose(int8=(600, GOOD), float32=(2400, slow))
    assert reasons["float32"] == "as accurate, and 4.0 times as large and 2.5 times as slow"


def test_pinned_file_is_chosen_whatever_it_loses():
    method, reasons, next_method = choose(pinned="int8", int8=(600, OVER), float16=(1200, GOOD))
    assert method == "int8" and next_method == "float16"
    assert reasons["int8"] == "chosen: --method names it; loses 2.50 points, over the limit of 2"
    assert reasons["float16"] == "loses no accuracy, within the limit of 2"


def test_groups_make_a_difference_of_two_files_less_certain():
    """Twelve photos less are certainly worse, unless the photos are in groups that fail together."""
    better, worse = make_verdict(), make_verdict(range(12))
    assert choose(float16=(200, better), int8=(100, worse))[0] == "float16"
    # Many photos, so that both files hold the limit all the same.
    better, worse = (
        make_verdict(range(broke), photos=4000).model_copy(update={"groups": 400, "design_effect": 8.0})
        for broke in (0, 12)
    )
    assert choose(float16=(200, better), int8=(100, worse))[0] == "int8"


# Contracts on balanced accuracy: 990 photos of a, 10 of b


def make_balanced(broke_common: int, broke_rare: int, fixed_common: int = 0) -> Verdict:
    flips = [("a", number, "a", "b") for number in range(broke_common)]
    flips += [("b", number, "b", "a") for number in range(broke_rare)]
    flips += [("a", 900 + number, "b", "a") for number in range(fixed_common)]
    counts = BalancedCounts((broke_common, broke_rare), (fixed_common, 0), (990, 10))
    decision = decide_outcome(counts, 0.2, confidence=0.95)
    return Verdict.model_construct(
        measure="balanced",
        broke=broke_common + broke_rare,
        fixed=fixed_common,
        photos=1000,
        per_class=(
            ClassChange(name="a", photos=990, reference_accuracy=1, accuracy=1, broke=broke_common, fixed=fixed_common),
            ClassChange(name="b", photos=10, reference_accuracy=1, accuracy=1, broke=broke_rare, fixed=0),
        ),
        limit_drop=0.2,
        drop=decision.drop,
        outcome=decision.outcome,
        flips=tuple(
            Flip(path=f"{truth}{number}", truth=truth, reference=reference, artifact=artifact, confidence=0.5)
            for truth, number, reference, artifact in flips
        ),
        host_ms=1.0,
        host_disturbed=False,
    )


def test_file_that_keeps_the_rare_class_is_the_most_accurate():
    """By the number of photos it would be the other: it is right on 20 photos more."""
    keeps, loses = make_balanced(12, 0), make_balanced(0, 2, fixed_common=10)
    chosen, reasons, _ = choose("accuracy", keeps=(100, keeps), loses=(100, loses))
    assert chosen == "keeps" and "points worse in balanced accuracy" in reasons["loses"]


def test_file_that_certainly_loses_the_rare_class_is_left_out():
    keeps, loses = make_balanced(2, 0), make_balanced(0, 3)
    assert not _is_certainly_worse_of(loses, keeps)
    assert _is_certainly_worse_of(make_balanced(0, 9), keeps)


def _is_certainly_worse_of(worse: Verdict, best: Verdict) -> bool:
    return compare_files(best, worse).compute_bounds(0.95)[0] > 0
