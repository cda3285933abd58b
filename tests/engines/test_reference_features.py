import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from edgetl.core.rejection.similarity import compute_similarities, normalize_features
from edgetl.engines.reference_features import MOST_ROWS, condense_features


def draw_features(generator, photos, modes, spread=0.15, width=64):
    """Features around the given modes, which are of length 1."""
    return np.abs(modes[generator.integers(len(modes), size=photos)] + generator.normal(0, spread, (photos, width)))


@pytest.fixture(scope="module")
def drawn():
    """Two classes with three modes each, and photos of other modes."""
    generator = np.random.default_rng(1)
    modes = np.abs(generator.normal(0, 1, (9, 64)))
    modes /= np.linalg.norm(modes, axis=1, keepdims=True)
    training = np.concatenate([draw_features(generator, 300, modes[:3]), draw_features(generator, 300, modes[3:6])])
    return (
        training,
        np.repeat([0, 1], 300),
        draw_features(generator, 300, modes[:6]),
        draw_features(generator, 300, modes[6:]),
    )


def test_rows_are_bounded_for_each_class(drawn):
    training, classes, _, _ = drawn
    reference = condense_features(training, classes, most_bytes=10**9)
    assert reference.shape == (2 * MOST_ROWS, 64) and reference.dtype == np.int8
    assert (np.abs(reference.astype(int)).max(axis=1) == 127).all()


@pytest.mark.parametrize(("most_bytes", "rows"), [(64 * 10, 10), (64 * 11, 10), (0, 2)])
def test_bytes_are_bounded_and_each_class_has_a_row(drawn, most_bytes, rows):
    training, classes, _, _ = drawn
    assert len(condense_features(training, classes, most_bytes=most_bytes)) == rows


def test_class_with_few_photos_has_one_row():
    features, classes = np.eye(8)[[0, 0, 0, 1, 2, 3, 4, 5, 6, 7]], [0, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    reference = condense_features(features, classes, most_bytes=10**6)
    assert len(reference) == 2
    np.testing.assert_allclose(normalize_features(reference)[0], np.eye(8)[0])


def test_equal_photos_of_a_class_are_one_cluster():
    assert len(condense_features(np.ones((50, 4)), np.zeros(50, int), most_bytes=10**6)) == 1


def test_the_same_photos_give_the_same_rows(drawn):
    training, classes, _, _ = drawn
    first, second = (condense_features(training, classes, most_bytes=10**6) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_condensed_features_separate_as_well_as_all_of_them(drawn):
    training, classes, own, foreign = drawn
    condensed = condense_features(training, classes, most_bytes=10**6)
    photos, known = np.concatenate([own, foreign]), np.repeat([1, 0], 300)
    all_similarities = np.sort(normalize_features(photos) @ normalize_features(training).T, axis=1)[:, -10]
    expected = roc_auc_score(known, all_similarities)
    assert roc_auc_score(known, compute_similarities(condensed, photos)) >= expected - 0.005


@pytest.mark.parametrize("features", [np.zeros((0, 3)), np.zeros(3)])
def test_arrays_that_do_not_match_are_errors(features):
    with pytest.raises(ValueError, match="must be"):
        condense_features(features, [], most_bytes=10)
