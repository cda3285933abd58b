import numpy as np
import pytest

from edgetl.core.rejection.thresholds import (
    AnswerLimits,
    PredictedPhotos,
    compare_answers,
    count_answers,
    count_foreign,
    decide_answers,
    find_thresholds,
)

CLASSES = ("rose", "tulip")


def make_photos(similarities, probabilities, labels, predicted=0):
    """Photos that are all predicted as one class."""
    scores = np.zeros((len(similarities), 2))
    scores[:, predicted], scores[:, 1 - predicted] = probabilities, 1 - np.asarray(probabilities)
    return PredictedPhotos(scores=scores, similarities=np.asarray(similarities, float), labels=np.asarray(labels, int))


@pytest.fixture
def validation():
    """99 roses with similarities 0.01 … 0.99, of which the last 9 are labelled tulip and have a low probability."""
    similarities = np.arange(1, 100) / 100
    return make_photos(similarities, np.where(np.arange(99) < 90, 0.9, 0.6), np.arange(99) >= 90)


def test_similarity_is_conformal_and_the_probability_is_that_of_known_photos(validation):
    thresholds = find_thresholds(
        validation, CLASSES, AnswerLimits(rejected_own=0.05, error_accepted=0.05, by_class=False)
    )
    assert thresholds.similarities.tolist() == [0.05, 0.05]
    # Four photos are not known, so 95 set the probability, and 86 are answered.
    assert (thresholds.selective.photos, thresholds.selective.answered) == (95, 86)
    assert thresholds.selective.threshold == pytest.approx(0.75)


def test_half_of_the_wrong_answers_is_the_default(validation):
    limits = AnswerLimits(rejected_own=0.05, error_accepted=0, by_class=False)
    assert find_thresholds(validation, CLASSES, limits).selective.error_limit == pytest.approx(9 / 95 / 2)


def test_a_file_without_a_wrong_answer_has_a_limit_all_the_same():
    photos = make_photos(np.ones(50), np.full(50, 0.9), np.zeros(50))
    result = find_thresholds(photos, CLASSES, AnswerLimits(rejected_own=0.05, error_accepted=0, by_class=False))
    assert (result.selective.threshold, result.selective.wrong) == (0.0, 0)


def test_each_class_can_have_its_own_similarity(validation):
    limits = AnswerLimits(rejected_own=0.1, error_accepted=0.05, by_class=True)
    # 90 roses: the 9th; 9 tulips: the 1st, 0.91.
    assert find_thresholds(validation, CLASSES, limits).similarities.tolist() == [0.09, 0.91]


def test_too_few_photos_reject_none():
    photos = make_photos([0.1, 0.9], [0.9, 0.9], [0, 0])
    limits = AnswerLimits(rejected_own=0.05, error_accepted=0.05, by_class=False)
    result = find_thresholds(photos, CLASSES, limits)
    assert result.similarities.tolist() == [-1, -1] and not result.selective.certified


def test_answers_are_counted(validation):
    thresholds = find_thresholds(
        validation, CLASSES, AnswerLimits(rejected_own=0.05, error_accepted=0.05, by_class=False)
    )
    photos = make_photos([0.01, 0.5, 0.5, 0.5], [0.9, 0.9, 0.9, 0.6], [0, 0, 1, 0])
    counts = count_answers(photos, thresholds)
    assert counts.model_dump() == {"photos": 4, "known": 3, "answered": 2, "wrong": 1, "right_without": 3}
    assert counts.rejected_share == pytest.approx(0.25) and counts.error_share == 0.5


def test_foreign_photos_are_counted_without_labels(validation):
    thresholds = find_thresholds(
        validation, CLASSES, AnswerLimits(rejected_own=0.05, error_accepted=0.05, by_class=False)
    )
    counts = count_foreign("noise", make_photos([0.01, 0.5, 0.5], [0.9, 0.9, 0.6], []), thresholds)
    assert counts.model_dump() == {"title": "noise", "photos": 3, "known": 2, "answered": 1}


def test_answers_of_two_files_are_compared_by_the_rule_of_the_last(validation):
    thresholds = find_thresholds(
        validation, CLASSES, AnswerLimits(rejected_own=0.05, error_accepted=0.05, by_class=False)
    )
    before = make_photos([0.5, 0.5, 0.5, 0.01], [0.9, 0.9, 0.6, 0.9], [])
    after = make_photos([0.5, 0.01, 0.5, 0.01], [0.9, 0.9, 0.6, 0.9], [])
    assert decide_answers(before, thresholds).tolist() == [0, 0, -1, -2]
    first, last = compare_answers([("float32", before), ("int8", after)], thresholds)
    assert first.model_dump() == {"name": "float32", "photos": 4, "labels": 2, "unsure": 1, "none": 1, "same": 4}
    assert last.model_dump() == {"name": "int8", "photos": 4, "labels": 1, "unsure": 1, "none": 2, "same": 3}


def test_another_label_is_another_answer(validation):
    thresholds = find_thresholds(
        validation, CLASSES, AnswerLimits(rejected_own=0.05, error_accepted=0.05, by_class=False)
    )
    steps = [(name, make_photos([0.5], [0.9], [], predicted)) for predicted, name in enumerate(("a", "b"))]
    assert [hop.same for hop in compare_answers(steps, thresholds)] == [1, 0]
    # The verdict compares several labels.
    assert [hop.same for hop in compare_answers(steps, thresholds, multi_label=True)] == [1, 1]


def test_several_labels_have_no_threshold_on_the_probability(validation):
    limits = AnswerLimits(rejected_own=0.05, error_accepted=0, by_class=False, multi_label=True)
    result = find_thresholds(validation, CLASSES, limits)
    assert result.similarities.tolist() == [0.05, 0.05]
    assert (result.selective.threshold, result.selective.answered, result.selective.certified) == (0.0, 95, False)
