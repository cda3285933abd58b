import numpy as np
import pytest
from scipy import optimize

from edgetl.core.rejection.temperature import HIGHEST, LOWEST, compute_log_loss, fit_temperature


def draw_logits(temperature, photos=4000, classes=5):
    """Logits that are calibrated at a temperature, and the classes drawn from them."""
    generator = np.random.default_rng(3)
    calibrated = generator.normal(0, 2, (photos, classes))
    labels = (calibrated + generator.gumbel(size=calibrated.shape)).argmax(axis=1)
    return calibrated * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_known_temperature_is_recovered(temperature):
    assert fit_temperature(*draw_logits(temperature)) == pytest.approx(temperature, rel=0.05)


def test_temperature_is_that_of_scipy():
    logits, labels = draw_logits(1.7, photos=200)
    best = optimize.minimize_scalar(lambda t: compute_log_loss(logits / t, labels), bounds=(0.05, 20), method="bounded")
    assert fit_temperature(logits, labels) == pytest.approx(best.x, rel=1e-3)


def test_fit_without_a_minimum_ends_at_a_bound():
    logits = np.eye(3)
    assert fit_temperature(logits, np.arange(3)) == pytest.approx(LOWEST, rel=1e-6)
    assert fit_temperature(logits, (np.arange(3) + 1) % 3) == pytest.approx(HIGHEST, rel=1e-6)


def test_loss_of_large_logits_is_finite():
    assert compute_log_loss(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx(1e4)


@pytest.mark.parametrize(("logits", "labels"), [(np.zeros((0, 2)), []), (np.zeros(3), [0, 0, 0]), (np.eye(2), [0])])
def test_arrays_that_do_not_match_are_errors(logits, labels):
    with pytest.raises(ValueError, match="must be"):
        fit_temperature(logits, labels)
