"""acceptance.py: which verdicts satisfy the contract, and that every failure is named with the hint for it."""

import pytest

from edgetl.core.errors import ContractBroken
from edgetl.core.evaluation.acceptance import check_acceptance, check_answer_limits, run_checks
from edgetl.core.evaluation.quality.class_warnings import ClassCount
from edgetl.core.verdict_records import Verdict


def make_verdict(outcome: str, drop: float = 0.0) -> Verdict:
    return Verdict.model_construct(method="int8", outcome=outcome, drop=drop, limit_drop=0.02)


PASSED, FAILED = make_verdict("PASS"), make_verdict("FAIL", 0.3)


@pytest.mark.parametrize(
    ("outcome", "drop", "strict"),
    [("PASS", 0.0, True), ("UNDECIDED", 0.01, False), ("UNDECIDED", 0.02, False)],
)
def test_verdict_that_satisfies_the_contract(outcome, drop, strict):
    check_acceptance({"tflite": make_verdict(outcome, drop)}, {}, strict=strict)


@pytest.mark.parametrize(
    ("outcome", "drop", "strict", "message"),
    [
        ("FAIL", 0.2, False, "the accuracy contract is broken: int8 loses 20.00 points, 2 allowed"),
        ("UNDECIDED", 0.05, False, "the accuracy contract is undecided: int8 loses 5.00 points, 2 allowed"),
        (
            "UNDECIDED",
            0.0,
            True,
            "the accuracy contract is undecided: int8 loses no accuracy, 2 may be lost, and --strict was given",
        ),
        (
            "UNDECIDED",
            -0.0385,
            True,
            "the accuracy contract is undecided: int8 gains 3.85 points, 2 may be lost, and --strict was given",
        ),
    ],
)
def test_verdict_that_breaks_the_contract(outcome, drop, strict, message):
    with pytest.raises(ContractBroken) as error:
        check_acceptance({"tflite": make_verdict(outcome, drop)}, {}, strict=strict)
    assert error.value.message == message
    assert error.value.exit_code == 1 and "--limit-drop" in error.value.hint


def test_every_target_that_fails_is_named():
    verdicts = {"tflite": PASSED, "onnx": FAILED, "mine": FAILED}
    with pytest.raises(ContractBroken, match=r"^onnx: the accuracy .*30\.00 points.*; mine: the") as error:
        check_acceptance(verdicts, {}, strict=False)
    assert "tflite" not in error.value.message


def test_limits_that_are_not_exceeded():
    check_acceptance({"tflite": PASSED}, {"tflite": ""}, strict=True)


@pytest.mark.parametrize("verdicts", [{"tflite": PASSED}, {}], ids=["with verdict", "without verdict"])
def test_exceeded_limit_is_an_error_with_its_own_hint(verdicts):
    with pytest.raises(ContractBroken, match=r"^int8 takes 9 bytes, 8 allowed\n  hint") as error:
        check_acceptance(verdicts, {"tflite": "int8 takes 9 bytes, 8 allowed"}, strict=False)
    assert "a narrower --alpha" in error.value.hint and "wider" not in error.value.hint


def test_broken_contract_and_exceeded_limit_have_both_hints():
    with pytest.raises(ContractBroken, match=r"30\.00 points, 2 allowed; int8 takes 9 bytes") as error:
        check_acceptance({"tflite": FAILED}, {"tflite": "int8 takes 9 bytes, 8 allowed"}, strict=False)
    assert "a wider --alpha" in error.value.hint and "a narrower --alpha" in error.value.hint


def make_accurate(correct: int) -> Verdict:
    return PASSED.model_copy(update={"photos": 100, "accuracy": correct / 100, "confidence": 0.95})


@pytest.mark.parametrize(("correct", "strict"), [(80, False), (87, True)])
def test_accuracy_that_is_high_enough(correct, strict):
    check_acceptance({"tflite": make_accurate(correct)}, {}, strict=strict, min_accuracy=0.8)


@pytest.mark.parametrize(("correct", "strict"), [(79, False), (86, True)])
def test_low_accuracy_breaks_the_contract_with_its_own_hint(correct, strict):
    with pytest.raises(ContractBroken, match=r"^the accuracy .* on 100 photos .*--min-accuracy 0\.8") as error:
        check_acceptance({"tflite": make_accurate(correct)}, {}, strict=strict, min_accuracy=0.8)
    assert "a lower --min-accuracy" in error.value.hint and "--limit-drop" not in error.value.hint


def test_low_accuracy_is_named_beside_the_other_failures():
    failed = FAILED.model_copy(update={"photos": 100, "accuracy": 0.5, "confidence": 0.95})
    with pytest.raises(ContractBroken) as error:
        check_acceptance({"a": failed, "b": make_accurate(90)}, {"a": "too large"}, strict=False, min_accuracy=0.8)
    assert error.value.message == (
        "a: the accuracy contract is broken: int8 loses 30.00 points, 2 allowed; "
        "the accuracy 0.5000 on 100 photos is below --min-accuracy 0.8; too large"
    )
    assert all(text in error.value.hint for text in ("--limit-drop", "--min-accuracy", "--side"))


def test_next_file_in_the_table_comes_before_the_hints_that_need_a_new_build():
    next_file = "the next file is qat8: edgetl bundle run --method qat8"
    with pytest.raises(ContractBroken) as error:
        check_acceptance({"tflite": FAILED, "onnx": PASSED}, {}, {"tflite": next_file, "onnx": "unused"}, strict=False)
    assert error.value.hint.startswith(f"{next_file}; more test photos") and "unused" not in error.value.hint


def test_file_without_a_next_one_has_the_other_hints():
    with pytest.raises(ContractBroken) as error:
        check_acceptance({"tflite": FAILED}, {}, {"tflite": ""}, strict=False)
    assert error.value.hint.startswith("more test photos") and "--all-methods" in error.value.hint


def test_contract_on_balanced_accuracy_is_named():
    failed = FAILED.model_copy(update={"measure": "balanced"})
    with pytest.raises(ContractBroken) as error:
        check_acceptance({"tflite": failed}, {}, strict=False)
    assert error.value.message == (
        "the balanced accuracy contract is broken: int8 loses 30.00 points of balanced accuracy, 2 allowed"
    )


@pytest.mark.parametrize(
    ("strict", "least", "message"),
    [
        (False, 0.8, "the balanced accuracy 0.7500 is below --min-accuracy 0.8"),
        (True, 0.7, "has the lower bound"),
        (False, 0.7, ""),
    ],
)
def test_min_accuracy_is_balanced_where_the_contract_is(strict, least, message):
    """The accuracy is 0.96."""
    counts = tuple(
        ClassCount(name=name, photos=photos, correct=correct, predicted=correct)
        for name, photos, correct in (("ok", 92, 92), ("fault", 8, 4))
    )
    update = {"measure": "balanced", "counts": counts, "photos": 100, "accuracy": 0.96, "confidence": 0.95}
    verdict = PASSED.model_copy(update=update)
    if not message:
        check_acceptance({"tflite": verdict}, {}, strict=strict, min_accuracy=least)
        return
    with pytest.raises(ContractBroken, match=message):
        check_acceptance({"tflite": verdict}, {}, strict=strict, min_accuracy=least)


def test_limits_of_answers_are_named_for_each_target():
    check_answer_limits({"tflite": (), "onnx": ()})
    with pytest.raises(ContractBroken, match=r"^onnx: foreign_accepted: 9; error_accepted: 8") as error:
        check_answer_limits({"tflite": (), "onnx": ("foreign_accepted: 9", "error_accepted: 8")})
    assert "--reject-own" in error.value.hint and "--error-accepted" in error.value.hint
    with pytest.raises(ContractBroken, match=r"^foreign_accepted: 9"):
        check_answer_limits({"tflite": ("foreign_accepted: 9",)})


def test_all_checks_run_and_every_failure_is_named():
    def fail(message, hint):
        raise ContractBroken(message, hint=hint)

    run_checks([lambda: None])
    with pytest.raises(ContractBroken, match=r"^a; b") as error:
        run_checks([lambda: fail("a", "x"), lambda: None, lambda: fail("b", "y")])
    assert error.value.hint == "x; y"
