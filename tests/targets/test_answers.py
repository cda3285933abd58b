"""answers.py: labels, unsure photos and photos that are none of the labels."""

import numpy as np
import pytest

REFERENCE = np.array([[100, 0, 0], [0, 127, 0]], np.int8)
FACTS = {"answers": {"least_probability": 0.6, "least_similarities": {"rose": 0.8, "tulip": 0.5}}}


@pytest.fixture(scope="module")
def answers(import_payload):
    return import_payload("answers")


@pytest.fixture(scope="module")
def thresholds(answers):
    return answers.Thresholds(FACTS, REFERENCE)


def answer(thresholds, rose, features):
    return thresholds.answer({"rose": rose, "tulip": 1 - rose}, None if features is None else np.float32(features))


def test_similar_photo_with_a_high_probability_has_a_label(thresholds):
    result = answer(thresholds, 0.9, [5, 0, 0])
    assert result.describe() == "rose"
    assert result.to_json() == {
        "label": "rose",
        "probability": 0.9,
        "accepted": True,
        "known": True,
        "similarity": 1.0,
    }


def test_similar_photo_with_a_low_probability_is_unsure(thresholds):
    result = answer(thresholds, 0.45, [0, 1, 0])
    assert result.describe() == "unsure: tulip or rose"
    assert (result.known, result.accepted) == (True, False)


def test_dissimilar_photo_is_none_of_the_labels_whatever_its_probability(thresholds):
    result = answer(thresholds, 0.99, [0, 0, 3])
    assert result.describe() == "none of these"
    assert (result.known, result.accepted, result.similarity) == (False, False, 0.0)


def test_threshold_is_that_of_the_predicted_label(thresholds):
    """A similarity of 0.7071 is enough for a tulip and not for a rose."""
    assert not answer(thresholds, 0.9, [1, 0, 1]).known
    assert answer(thresholds, 0.1, [1, 0, 1]).known


def test_features_of_zeros_are_similar_to_nothing(thresholds):
    assert answer(thresholds, 0.9, [0, 0, 0]).similarity == 0.0


def test_probability_on_the_threshold_is_accepted(thresholds):
    assert answer(thresholds, 0.6, [1, 0, 0]).accepted


def test_bundle_without_thresholds_accepts_every_photo(answers):
    result = answer(answers.Thresholds({}, None), 0.51, None)
    assert (result.known, result.accepted, result.similarity) == (True, True, 1.0)


def test_model_with_one_label_has_no_second(answers):
    assert answers.Thresholds({}, None).answer({"cat": 0.4}, None).second == "cat"


def test_similarity_is_the_cosine_to_the_nearest_row(answers):
    generator = np.random.default_rng(4)
    reference = generator.integers(-127, 128, (50, 64)).astype(np.int8)
    features = generator.random(64)
    expected = max(
        row @ features / np.linalg.norm(row) / np.linalg.norm(features) for row in reference.astype(np.float64)
    )
    assert answers.compute_similarity(answers.normalize_rows(reference), features) == pytest.approx(expected, abs=1e-6)


def test_reference_is_loaded_from_the_bundle(answers, tmp_path):
    np.save(tmp_path / "features.npy", REFERENCE)
    assert answer(answers.Thresholds.load(FACTS, tmp_path), 0.9, [5, 0, 0]).similarity == 1.0
    assert answer(answers.Thresholds.load({}, tmp_path / "missing"), 0.9, [5, 0, 0]).accepted


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros(3, np.int8), np.array([None, {}], object)])
def test_other_content_is_refused(answers, tmp_path, array):
    np.save(tmp_path / "features.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match=r"features\.npy is|allow_pickle"):
        answers.Thresholds.load(FACTS, tmp_path)
