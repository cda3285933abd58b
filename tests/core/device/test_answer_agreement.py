"""answer_agreement.py: answers of a device and of this machine, photo by photo."""

import pytest

from edgetl.core.device.answer_agreement import AnswerAgreement, compare_with_host, describe_agreement
from edgetl.core.device.measurement import Accuracy, DevicePrediction, Proportion
from edgetl.core.errors import StageError
from edgetl.core.report.predictions import PhotoAnswer

CLASSES = ("cat", "unsure")


def make_accuracy(*decisions, **changes) -> Accuracy:
    """The photos in reverse, as a file system may list them; decisions are label index, known and accepted."""
    rows = [
        DevicePrediction(
            photo=f"cat/{index:06}.png",
            label=0,
            probabilities=(0.2, 0.8) if label else (0.8, 0.2),
            similarity=0.5,
            known=known,
            accepted=accepted,
        ).model_copy(update=changes)
        for index, (label, known, accepted) in enumerate(decisions)
    ]
    return Accuracy(
        photos=len(rows),
        right=0,
        accuracy=Proportion(value=0.5, low=0.1, high=0.9),
        per_label={},
        unreadable={},
        answers=tuple(reversed(rows)),
    )


def make_answer(label, *, known=True, accepted=True) -> PhotoAnswer:
    return PhotoAnswer(label=label, probability=0.8, accepted=accepted, known=known, similarity=0.5, text="", reason="")


LABEL, UNSURE, NONE = (0, True, True), (1, True, False), (1, False, False)


def test_answers_are_the_same_where_both_have_no_label_or_one_label():
    host = [make_answer("cat"), make_answer("cat", accepted=False), make_answer("cat", known=False, accepted=False)]
    assert compare_with_host(make_accuracy(LABEL, UNSURE, NONE), CLASSES, host) == AnswerAgreement(
        photos=3, labels=1, unsure=1, none=1, same=3
    )


def test_other_answers_are_counted_as_different():
    host = [make_answer("unsure"), make_answer("unsure"), make_answer("unsure", accepted=False), make_answer("cat")]
    agreement = compare_with_host(make_accuracy(LABEL, UNSURE, NONE, LABEL), CLASSES, host)
    assert (agreement.labels, agreement.same) == (2, 1)


@pytest.mark.parametrize(("decisions", "changes"), [((LABEL,), {}), ((LABEL, NONE), {"known": None})])
def test_missing_answers_are_an_error(decisions, changes):
    with pytest.raises(StageError, match="the device did not answer 2 photos"):
        compare_with_host(make_accuracy(*decisions, **changes), CLASSES, [make_answer("cat")] * 2)


def test_agreement_is_described_in_one_line():
    text = describe_agreement("pi", AnswerAgreement(photos=9, labels=6, unsure=2, none=1, same=8))
    assert text == (
        "answers on pi to 9 test photos: 6 a label, 2 unsure, 1 none of these; 8 are the same on this machine"
    )
