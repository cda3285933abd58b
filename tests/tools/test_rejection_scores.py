import numpy as np
import pytest
from scipy import special
from sklearn.metrics import roc_auc_score

from tools.rejection_scores import (
    Head,
    Outputs,
    References,
    compute_auroc,
    compute_energy,
    compute_neighbour_similarity,
    compute_scores,
    judge_scores,
)


@pytest.fixture
def generator():
    return np.random.default_rng(1)


@pytest.mark.parametrize("decimals", [1, 8])
def test_area_is_that_of_sklearn(generator, decimals):
    own, foreign = generator.normal(1, 1, 200).round(decimals), generator.normal(0, 1, 70).round(decimals)
    labels = np.repeat([1, 0], [200, 70])
    assert compute_auroc(own, foreign) == pytest.approx(roc_auc_score(labels, np.concatenate([own, foreign])))


def test_energy_is_that_of_scipy(generator):
    logits = generator.normal(0, 300, (5, 4))
    np.testing.assert_allclose(compute_energy(logits), special.logsumexp(logits, axis=1))


def test_logits_are_those_without_the_temperature():
    head = Head(layers=((np.array([[1.0, -1.0]]), np.array([0.0, 0.5])), (np.eye(2), np.zeros(2))), temperature=2.0)
    # The hidden layer has a ReLU: -3 + 0.5 becomes 0.
    np.testing.assert_array_equal(head.compute_logits(np.array([[3.0]])), [[6.0, 0.0]])


def test_similarity_is_that_to_the_nth_nearest(generator):
    training, features = generator.normal(size=(30, 6)), generator.normal(size=(300, 6))
    cosines = (features / np.linalg.norm(features, axis=1, keepdims=True)) @ (
        training / np.linalg.norm(training, axis=1, keepdims=True)
    ).T
    expected = np.sort(cosines, axis=1)[:, -10]
    np.testing.assert_allclose(compute_neighbour_similarity(training, features), expected, rtol=1e-5)


def test_fewer_training_photos_than_neighbours():
    assert compute_neighbour_similarity(np.eye(2), np.array([[1.0, 0.0]])).tolist() == [0.0]


def test_model_from_elsewhere_has_no_energy(generator):
    references = References(training=np.eye(3), bundle=np.eye(3, dtype=np.int8), heads=())
    outputs = Outputs(scores=generator.random((4, 2)), features=generator.random((4, 3)))
    scores = compute_scores(outputs, references)
    assert len(scores) == 3 and all(values.shape == (4,) for values in scores.values())
    head = Head(layers=((np.ones((3, 2)), np.zeros(2)),), temperature=1.0)
    assert len(compute_scores(outputs, References(training=np.eye(3), bundle=references.bundle, heads=(head,)))) == 4


def test_scores_are_judged_at_the_conformal_threshold():
    """Of 99 validation photos, 5 % is the 5th lowest value."""
    rows = judge_scores(
        {"score": np.arange(1.0, 100)},
        {"score": np.array([1.0, 6.0, 50.0, 80.0])},
        {"noise": {"score": np.array([0.0, 4.0, 5.0, 7.0])}},
        0.05,
    )
    (row,) = rows
    assert (row["score"], row["set"], row["photos"], row["own_photos"]) == ("score", "noise", 4, 4)
    assert (row["rejected"], row["own_rejected"]) == (0.5, 0.25)
    assert row["low"] < 0.5 < row["high"] and row["auroc"] == pytest.approx((1 + 3 + 4 + 4) / 16)
