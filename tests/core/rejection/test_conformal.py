import math

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from edgetl.core.rejection.conformal import count_photos_needed, find_class_thresholds, find_conformal_threshold


def test_threshold_is_the_kth_smallest_similarity():
    """19 photos, 10 %: k = floor(20 * 0.1) = 2."""
    assert find_conformal_threshold(np.arange(19)[::-1], 0.1) == 1.0


@pytest.mark.parametrize(("photos", "share", "rank"), [(99, 0.05, 5), (98, 0.05, 4), (19, 0.05, 1), (4, 0.6, 3)])
def test_rank_is_rounded_down(photos, share, rank):
    assert find_conformal_threshold(np.arange(1, photos + 1), share) == rank


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_too_few_photos_reject_nothing(share):
    assert find_conformal_threshold(np.arange(18), share) == -math.inf


@pytest.mark.parametrize(("share", "photos"), [(0.05, 19), (0.1, 9), (0.01, 99), (0.3, 3)])
def test_fewest_photos_that_reject_one(share, photos):
    assert count_photos_needed(share) == photos
    assert find_conformal_threshold(np.arange(photos), share) == 0
    assert find_conformal_threshold(np.arange(photos - 1), share) == -math.inf


@pytest.mark.parametrize(("similarities", "share"), [([], 0.1), ([[1.0]], 0.1), ([1.0], 1.0), ([1.0], -0.1)])
def test_impossible_arguments_are_errors(similarities, share):
    with pytest.raises(ValueError, match="must be"):
        find_conformal_threshold(similarities, share)


def test_each_class_has_its_own_threshold():
    similarities = [*range(19), *range(100, 119), 7]
    classes = [0] * 19 + [1] * 19 + [2]
    assert find_class_thresholds(similarities, classes, ["a", "b", "c", "d"], 0.1) == {
        "a": 1.0,
        "b": 101.0,
        "c": -math.inf,
        "d": -math.inf,
    }


@pytest.mark.parametrize(("photos", "share"), [(19, 0.05), (60, 0.05), (200, 0.1)])
@pytest.mark.parametrize("levels", [0, 16])
def test_share_of_rejected_new_photos_is_bounded(photos, share, levels):
    """10 000 draws of validation photos and one new photo, with and without equal similarities."""
    draws = 10_000
    values = np.random.default_rng(5).beta(8, 2, (draws, photos + 1))
    if levels:
        values = np.round(values * levels) / levels
    rejected = np.mean([row[-1] < find_conformal_threshold(row[:-1], share) for row in values])
    # Three standard errors of the Monte Carlo estimate.
    assert rejected <= share + 3 * (share * (1 - share) / draws) ** 0.5
    if not levels:
        assert rejected >= share - 1 / (photos + 1) - 3 * (share * (1 - share) / draws) ** 0.5


class PredictZero(RegressorMixin, BaseEstimator):
    """A regressor whose absolute error is the target itself."""

    def fit(self, photos, targets):
        """Fit nothing. sklearn takes an attribute that ends in _ as a sign of a fit."""
        self.n_features_in_ = photos.shape[1]
        return self

    def predict(self, photos):
        """Return 0 for each photo."""
        return np.zeros(len(photos))


# MAPIE refuses fewer photos than 1 / share.
@pytest.mark.parametrize(("photos", "share"), [(21, 0.05), (98, 0.05), (99, 0.05), (200, 0.1), (517, 0.05), (101, 0.3)])
@pytest.mark.parametrize("levels", [0, 16])
def test_threshold_is_that_of_mapie(photos, share, levels):
    """The conformity score is 1 - similarity: beyond the interval of a split conformal regressor is unlike the rest."""
    regression = pytest.importorskip("mapie.regression")
    similarities = np.random.default_rng(photos).beta(8, 2, photos)
    if levels:
        similarities = np.round(similarities * levels) / levels
    rows = np.zeros((photos, 1))
    regressor = regression.SplitConformalRegressor(
        PredictZero().fit(rows, similarities), confidence_level=1 - share, prefit=True
    )
    regressor.conformalize(rows, 1 - similarities)
    _, intervals = regressor.predict_interval(rows[:1])
    assert find_conformal_threshold(similarities, share) == pytest.approx(1 - intervals[0, 1, 0], abs=1e-12)


def test_rejection_within_each_class_is_bounded():
    """10 000 draws of two classes, of which one is less similar than the other."""
    draws, share, photos = 10_000, 0.1, (60, 25)
    generator = np.random.default_rng(8)
    # The last photo of each class is new.
    values = [generator.beta(8, beta, (draws, count + 1)) for beta, count in zip((2, 6), photos, strict=True)]
    classes = np.repeat([0, 1], photos)
    rejected = np.zeros(2)
    for row in range(draws):
        known = np.concatenate([similarities[row, :-1] for similarities in values])
        thresholds = find_class_thresholds(known, classes, ["near", "far"], share)
        rejected += [values[0][row, -1] < thresholds["near"], values[1][row, -1] < thresholds["far"]]
    error = 3 * (share * (1 - share) / draws) ** 0.5
    assert (rejected / draws <= share + error).all()
    # One threshold for both would reject almost only photos of the second class.
    assert (rejected / draws >= share - 1 / (np.array(photos) + 1) - error).all()


def test_share_of_other_photos_is_not_bounded():
    """The bound needs exchangeable photos: in a darker room, where similarities are lower, most are rejected."""
    generator = np.random.default_rng(9)
    threshold = find_conformal_threshold(generator.beta(8, 2, 500), 0.05)
    assert (0.8 * generator.beta(8, 2, 2000) < threshold).mean() > 0.15
