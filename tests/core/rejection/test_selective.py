import numpy as np
import pytest
from scipy import stats

from edgetl.core.rejection.selective import count_answers_needed, find_selective_threshold


def draw_photos(photos, generator, levels=0):
    """Photos whose answers are wrong in a share of (1 - probability), with probabilities 0.5 … 1."""
    probabilities = 0.5 + 0.5 * generator.beta(3, 1, photos)
    if levels:
        probabilities = np.round(probabilities * levels) / levels
    return probabilities, generator.random(photos) < probabilities


@pytest.mark.parametrize(("limit", "answers"), [(0.05, 59), (0.01, 299), (0.5, 5)])
def test_answers_needed_without_a_wrong_one(limit, answers):
    """0.95 ** 59 is the first power below 0.05."""
    assert count_answers_needed(limit) == answers


@pytest.mark.parametrize("limit", [0.0, 1.0, -0.1])
def test_impossible_limits_are_errors(limit):
    with pytest.raises(ValueError, match="between 0 and 1"):
        find_selective_threshold([0.5], [True], limit)


def test_photos_and_answers_must_match():
    with pytest.raises(ValueError, match="at least one"):
        find_selective_threshold([], [], 0.1)
    with pytest.raises(ValueError, match="at least one"):
        find_selective_threshold([0.5, 0.6], [True], 0.1)


def test_threshold_is_between_two_levels():
    """60 right answers at 0.9 are certified for 5 %; the ten wrong ones at 0.5 are not."""
    result = find_selective_threshold([0.9] * 60 + [0.5] * 10, [True] * 60 + [False] * 10, 0.05)
    assert result.threshold == pytest.approx(0.7)
    assert (result.photos, result.answered, result.wrong, result.certified) == (70, 60, 0, True)
    assert result.coverage == pytest.approx(60 / 70)
    assert result.error_bound == pytest.approx(1 - 0.05 ** (1 / 60))


def test_photos_of_one_level_are_answered_together():
    result = find_selective_threshold([0.9] * 60 + [0.8] * 40, [True] * 60 + [False] * 4 + [True] * 36, 0.05)
    assert result.answered == 60


@pytest.mark.parametrize(("wrong", "answers"), [(0, 59), (1, 93), (2, 124)])
def test_wrong_answers_need_more_answers(wrong, answers):
    """The sample sizes of Wilks for the 95 % quantile at 95 % confidence."""
    assert count_answers_needed(0.05, wrong) == answers


def test_two_confident_mistakes_do_not_end_the_sequence():
    """The photos with the highest probabilities are wrong: 59 answers with two mistakes would not show 5 %."""
    result = find_selective_threshold(np.linspace(1, 0.5, 600), [False] * 2 + [True] * 400 + [False] * 198, 0.05)
    assert result.certified and 400 < result.answered < 440 and result.error_bound <= 0.05


def test_few_photos_start_with_fewer_answers():
    """Of 150 photos, two mistakes would need 124 answers, more than half of the photos; none needs 59."""
    result = find_selective_threshold(np.linspace(1, 0.5, 150), [True] * 70 + [False] * 80, 0.05)
    assert result.certified and result.answered >= 70


def test_every_photo_is_answered_where_all_are_right():
    result = find_selective_threshold(np.linspace(0.4, 1, 100), [True] * 100, 0.05)
    assert (result.threshold, result.answered, result.certified) == (0.0, 100, True)


def test_too_few_photos_certify_nothing_and_every_photo_is_answered():
    result = find_selective_threshold([0.9] * 58, [True] * 58, 0.05)
    assert (result.threshold, result.answered, result.certified) == (0.0, 58, False)
    assert result.error_bound > 0.05


def test_wrong_answers_at_the_highest_probabilities_certify_nothing():
    result = find_selective_threshold(np.linspace(1, 0.5, 200), [False] * 20 + [True] * 180, 0.05)
    assert not result.certified and result.wrong == 20


def count_violations(photos, limit, levels, draws):
    """Draw validation photos, and count thresholds above which more answers than the limit are wrong."""
    generator = np.random.default_rng(11)
    # The true share of wrong answers above a threshold is that of a million photos.
    probabilities, correct = draw_photos(1_000_000, generator, levels)
    order = np.argsort(probabilities)
    ordered = probabilities[order]
    # Wrong answers at or above each photo.
    wrong = np.cumsum(~correct[order][::-1])[::-1]
    violations = certified = 0
    for _ in range(draws):
        result = find_selective_threshold(*draw_photos(photos, generator, levels), limit)
        if result.certified:
            first = int(np.searchsorted(ordered, result.threshold))
            certified += 1
            violations += wrong[first] / (len(ordered) - first) > limit
    assert certified
    return violations


@pytest.mark.parametrize("levels", [0, 64])
def test_bound_is_rarely_violated(levels):
    """At most 5 % of 200 draws, with three standard errors of the estimate."""
    assert count_violations(200, 0.1, levels, 200) <= 200 * 0.05 + 3 * (200 * 0.05 * 0.95) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("photos", "limit"), [(120, 0.1), (400, 0.1), (400, 0.05)])
@pytest.mark.parametrize("levels", [0, 64])
def test_bound_is_violated_in_at_most_one_draw_of_twenty(photos, limit, levels):
    """10 000 draws, with three standard errors of the estimate."""
    assert count_violations(photos, limit, levels, 10_000) <= 10_000 * 0.05 + 3 * (10_000 * 0.05 * 0.95) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("photos", [60, 120])
def test_photos_whose_answers_are_wrong_as_often_as_the_limit_are_rarely_certified(photos):
    """10 000 draws. The probability says nothing: every certified threshold is a violation."""
    generator = np.random.default_rng(13)
    certified = 0
    for _ in range(10_000):
        probabilities, correct = generator.integers(1, 17, photos) / 16, generator.random(photos) >= 0.1
        certified += find_selective_threshold(probabilities, correct, 0.1).certified
    assert 0 < certified <= 10_000 * 0.05 + 3 * (10_000 * 0.05 * 0.95) ** 0.5


@pytest.mark.slow
def test_bound_of_half_the_error_is_violated_in_at_most_one_draw_of_twenty():
    """10 000 draws. The default limit is half of what is wrong among the same photos."""
    generator = np.random.default_rng(14)
    probabilities, correct = draw_photos(1_000_000, generator, levels=64)
    order = np.argsort(probabilities)
    ordered, wrong = probabilities[order], np.cumsum(~correct[order][::-1])[::-1]
    violations = certified = 0
    for _ in range(10_000):
        drawn = draw_photos(400, generator, levels=64)
        limit = float((~drawn[1]).mean()) / 2
        result = find_selective_threshold(*drawn, limit)
        if result.certified:
            first = int(np.searchsorted(ordered, result.threshold))
            certified += 1
            violations += wrong[first] / (len(ordered) - first) > limit
    assert certified > 2500
    assert violations <= 10_000 * 0.05 + 3 * (10_000 * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize(("photos", "limit"), [(200, 0.1), (400, 0.1), (400, 0.05), (517, 0.04)])
@pytest.mark.parametrize("levels", [0, 32])
def test_certified_answers_are_those_of_fixed_sequence_testing_in_mapie(photos, limit, levels):
    """The p-values are scipy's exact binomial ones, for each level from the highest down."""
    fwer_control = pytest.importorskip("mapie.risk_control.fwer_control")
    probabilities, correct = draw_photos(photos, np.random.default_rng(photos), levels)
    # As many wrong answers as half of the photos can bear, two at most.
    first = max(
        (count_answers_needed(limit, wrong) for wrong in range(3) if 2 * count_answers_needed(limit, wrong) <= photos),
        default=count_answers_needed(limit),
    )
    counts = [int((probabilities >= level).sum()) for level in np.unique(probabilities)[::-1]]
    tested = [count for count in counts if count >= first]
    wrong = np.cumsum(~correct[np.argsort(-probabilities, kind="stable")])
    p_values = np.array([stats.binom.cdf(wrong[count - 1], count, limit) for count in tested])
    certified = fwer_control.control_fwer(p_values, 0.05, fwer_method="fixed_sequence")
    result = find_selective_threshold(probabilities, correct, limit)
    assert result.certified == bool(len(certified))
    if len(certified):
        assert result.answered == tested[certified[-1]]
    else:
        assert result.answered == photos
