"""answers.py: labels, unsure photos and photos that are none of the labels."""

import json
import time

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


def test_explanation_names_the_value_and_its_threshold(thresholds):
    texts = [thresholds.explain(answer(thresholds, *photo)) for photo in ((0.9, [5, 0, 0]), (0.45, [0, 1, 0]))]
    assert texts == ["", "probability 55.0%, a label needs 60.0%"]
    assert thresholds.explain(answer(thresholds, 0.99, [0, 0, 3])) == "similarity 0.000, a label needs 0.800"


def test_explanation_has_the_digits_that_show_the_difference(answers):
    facts = {"answers": {"least_probability": 0.99986, "least_similarities": {"rose": 0.70006}}}
    thresholds = answers.Thresholds(facts, REFERENCE)
    unsure = answers.Answer("rose", 0.99978, "tulip", 1.0, True, False)
    assert thresholds.explain(unsure) == "probability 99.98%, a label needs 99.99%"
    none = answers.Answer("rose", 0.9, "tulip", 0.69998, False, False)
    assert thresholds.explain(none) == "similarity 0.7000, a label needs 0.7001"


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


def test_thresholds_are_set_where_the_bundle_has_some(answers, thresholds):
    assert thresholds.is_set and not answers.Thresholds({}, None).is_set


def test_model_without_features_is_refused_where_the_bundle_has_a_reference(thresholds):
    with pytest.raises(ValueError, match=r"the model has no features to compare with features\.npy"):
        answer(thresholds, 0.9, None)


@pytest.mark.parametrize("level", range(255))
def test_threshold_between_two_levels_of_an_int8_output_separates_them(answers, level):
    """Dequantized in float32 or float64, on the host or on a device."""
    facts = {"answers": {"least_probability": (level + 0.5) / 256, "least_similarities": {}}}
    thresholds = answers.Thresholds(json.loads(json.dumps(facts)), None)
    for dtype in (np.float32, np.float64):
        below, above = (float(dtype(step) * dtype(1 / 256)) for step in (level, level + 1))
        assert not thresholds.answer({"rose": below}, None).accepted
        assert thresholds.answer({"rose": above}, None).accepted


def test_several_labels_are_never_unsure(answers):
    """Each label has a threshold of its own; dissimilar photos are none of them all the same."""
    facts = {**FACTS, "output": {"labels": ["rose", "tulip"], "thresholds": [0.5, 0.5]}}
    thresholds = answers.Thresholds(facts, REFERENCE)
    assert thresholds.answer({"rose": 0.1, "tulip": 0.2}, np.float32([0, 1, 0])).accepted
    assert thresholds.answer({"rose": 0.9, "tulip": 0.9}, np.float32([0, 0, 1])).describe() == "none of these"


def test_answer_of_five_classes_takes_less_than_0_3_ms(answers):
    """With 20 reference features for each of five classes, and the 1280 features of MobileNetV2."""
    generator = np.random.default_rng(0)
    reference = generator.integers(-127, 128, (100, 1280)).astype(np.int8)
    labels = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    facts = {"answers": {"least_probability": 0.6, "least_similarities": dict.fromkeys(labels, 0.8)}}
    thresholds, features = answers.Thresholds(facts, reference), generator.random(1280, np.float32)
    seconds = []
    for _ in range(50):
        start = time.perf_counter()
        thresholds.answer(dict.fromkeys(labels, 0.2), features)
        seconds.append(time.perf_counter() - start)
    # Other processes of a busy machine make single runs slower.
    assert min(seconds) < 0.3e-3


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
