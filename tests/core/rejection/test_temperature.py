import numpy as np
import pytest
from scipy import optimize, special

from edgetl.core.rejection.temperature import (
    HIGHEST,
    LOWEST,
    compute_log_loss,
    compute_softmax,
    fit_temperature,
    pair_logits,
    undo_temperature,
)


def draw_logits(temperature, photos=4000, classes=5):
    """Logits that are calibrated at a temperature, and the classes drawn from them."""
    generator = np.random.default_rng(3)
    calibrated = generator.normal(0, 2, (photos, classes))
    labels = (calibrated + generator.gumbel(size=calibrated.shape)).argmax(axis=1)
    return calibrated * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_known_temperature_is_recovered(temperature):
    assert fit_temperature(*draw_logits(temperature)) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize(("temperature", "smoothed"), [(0.3, True), (1.7, False), (8.0, False)])
def test_temperature_is_that_of_scipy(temperature, smoothed):
    """The loss is that of scipy's log_softmax; with targets of (n + 1) / (n + 2) where these are nearer to 1."""
    logits, labels = draw_logits(temperature, photos=200)
    wrong = 1 / 202 if smoothed else 0.0
    targets = np.full(logits.shape, wrong / 4)
    targets[np.arange(200), labels] = 1 - wrong

    def compute_loss(candidate):
        return -(targets * special.log_softmax(logits / candidate, axis=1)).sum(axis=1).mean()

    best = optimize.minimize_scalar(compute_loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-8})
    assert fit_temperature(logits, labels) == pytest.approx(best.x, rel=1e-5)


@pytest.mark.parametrize("photos", [300, 3000])
def test_photos_that_are_all_right_do_not_make_probabilities_of_one(photos):
    """The mean probability of the true class is (n + 1) / (n + 2), as if one photo more were wrong."""
    logits, labels = np.tile(4 * np.eye(3), (photos // 3, 1)), np.tile(np.arange(3), photos // 3)
    probabilities = special.softmax(logits / fit_temperature(logits, labels), axis=1).max(axis=1)
    assert probabilities.mean() == pytest.approx((photos + 1) / (photos + 2), abs=1e-6)


def test_photos_that_are_all_right_do_not_lower_probabilities():
    """Of 3 photos, one more that is wrong would be much. Their probability of 0.965 is neither raised nor lowered."""
    assert fit_temperature(4 * np.eye(3), np.arange(3)) == 1


def test_one_wrong_photo_of_many_does_not_decide():
    """Without one more wrong photo, the fit is below 1, and with it above 1."""
    logits, labels = np.tile(6 * np.eye(3), (100, 1)), np.tile(np.arange(3), 100)
    labels[0] = 1
    assert fit_temperature(logits, labels) == 1
    labels[:6] = [1, 2, 0, 1, 2, 0]
    assert fit_temperature(logits, labels) > 1


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_photos_that_are_all_wrong_end_at_the_upper_bound(scale):
    assert fit_temperature(scale * np.eye(3), (np.arange(3) + 1) % 3) == pytest.approx(HIGHEST, rel=1e-6)


def test_logits_near_zero_end_at_the_lower_bound():
    assert fit_temperature(1e-3 * np.eye(3), np.arange(3)) == pytest.approx(LOWEST, rel=1e-6)


def test_equal_logits_have_a_temperature():
    assert LOWEST <= fit_temperature(np.zeros((5, 3)), np.arange(5) % 3) <= HIGHEST


def test_temperature_of_logits_does_not_depend_on_a_constant():
    logits, labels = draw_logits(2.0, photos=100)
    shifted = logits + np.arange(100)[:, None]
    assert fit_temperature(shifted, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-6)


def test_loss_of_large_logits_is_finite():
    assert compute_log_loss(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx(1e4)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [(np.zeros((0, 2)), []), (np.zeros(3), [0, 0, 0]), (np.eye(2), [0]), (np.zeros((2, 1)), [0, 0])],
)
def test_arrays_that_do_not_match_are_errors(logits, labels):
    with pytest.raises(ValueError, match="must be"):
        fit_temperature(logits, labels)


# Sigmoids


def test_sigmoid_is_the_softmax_of_its_pair():
    logits = np.array([[-3.0, 0.5], [100.0, -100.0]])
    pairs = pair_logits(logits)
    assert pairs.shape == (4, 2)
    np.testing.assert_allclose(special.softmax(pairs, axis=1)[:, 1], special.expit(logits.ravel()))


def test_temperature_of_labels_is_recovered():
    """Each label has its own logit, and is drawn with the probability of its sigmoid."""
    generator = np.random.default_rng(4)
    calibrated = generator.normal(0, 2, (3000, 3))
    labels = (generator.random((3000, 3)) < special.expit(calibrated)).astype(int)
    assert fit_temperature(pair_logits(calibrated * 2.5), labels.ravel()) == pytest.approx(2.5, rel=0.05)


# Without the temperature


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.3])
def test_probabilities_without_the_temperature(temperature):
    logits, _ = draw_logits(1.0, photos=50)
    scores = special.softmax(logits / temperature, axis=1).astype(np.float32)
    np.testing.assert_allclose(undo_temperature(scores, temperature), special.softmax(logits, axis=1), atol=1e-6)


def test_probability_of_zero_stays_near_zero():
    np.testing.assert_allclose(undo_temperature([[1.0, 0.0]], 2.0), [[1.0, 0.0]], atol=1e-30)


def test_probabilities_are_the_softmax_of_large_logits_too():
    np.testing.assert_allclose(compute_softmax([[1000.0, 1000.0], [0.0, np.log(3)]]), [[0.5, 0.5], [0.25, 0.75]])
