"""scoring.py: photos in folders named after labels, counted as in the build."""

import numpy as np
import pytest
from PIL import Image

LABELS = ["red", "green", "blue"]
FACTS = {"input": {"height_px": 8, "width_px": 8, "fit": "stretch"}, "output": {"labels": LABELS}}


class StrongestColour:
    """A model whose probabilities are the mean colour of the photo."""

    def predict(self, image):
        return image.reshape(-1, 3).mean(axis=0)

    def dequantize(self, output):
        return output / 255

    def get_features(self):
        return np.float32([1, 0])


@pytest.fixture(scope="module")
def scoring(import_payload):
    return import_payload("scoring")


@pytest.fixture
def folder(tmp_path):
    """Two red photos, a blue one and an unreadable one labelled green, and none labelled blue."""
    for label, name, colour in (
        ("red", "1.png", (250, 0, 0)),
        ("red", "deep/2.png", (200, 9, 9)),
        ("green", "3.png", (0, 0, 255)),
    ):
        (tmp_path / label / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), colour).save(tmp_path / label / name)
    (tmp_path / "green" / "4.jpg").write_text("no photo")
    (tmp_path / "green" / "notes.txt").write_text("no photo suffix")
    return tmp_path


def test_accuracy_counts_readable_photos_per_label(scoring, folder):
    calls = []
    accuracy = scoring.score_photos(StrongestColour(), FACTS, folder, lambda: calls.append(1))
    assert (accuracy["photos"], accuracy["right"], len(calls)) == (3, 2, 3)
    assert accuracy["accuracy"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert accuracy["accuracy"]["low"] < 2 / 3 < accuracy["accuracy"]["high"]
    assert accuracy["per_label"] == {
        "red": {"photos": 2, "right": 2},
        "green": {"photos": 1, "right": 0},
        "blue": {"photos": 0, "right": 0},
    }
    assert accuracy["unreadable"] == {"green/4.jpg": "not a photo (text?)"}
    assert [(answer["photo"], answer["label"]) for answer in accuracy["answers"]] == [
        ("green/3.png", 1),
        ("red/1.png", 0),
        ("red/deep/2.png", 0),
    ]
    assert accuracy["answers"][0]["probabilities"] == [0, 0, 1]


def test_of_equal_probabilities_the_first_label_is_predicted(scoring, folder):
    model = StrongestColour()
    model.predict = lambda image: np.array([85.0, 85.0, 85.0])
    assert scoring.score_photos(model, FACTS, folder)["per_label"]["red"]["right"] == 2


def test_missing_folder_is_refused(scoring, folder):
    with pytest.raises(scoring.FolderError, match="no such folder"):
        scoring.score_photos(StrongestColour(), FACTS, folder / "absent")


def test_folder_that_is_not_a_label_is_refused(scoring, folder):
    (folder / "purple").mkdir()
    with pytest.raises(scoring.FolderError, match="purple is not a folder named after a label"):
        scoring.score_photos(StrongestColour(), FACTS, folder)


def test_photo_outside_of_a_label_folder_is_refused(scoring, folder):
    (folder / "loose.jpg").write_text("x")
    with pytest.raises(scoring.FolderError, match=r"loose\.jpg is not a folder named after a label"):
        scoring.score_photos(StrongestColour(), FACTS, folder)


def test_folder_without_photos_is_refused(scoring, tmp_path):
    with pytest.raises(scoring.FolderError, match="contains no photos"):
        scoring.score_photos(StrongestColour(), FACTS, tmp_path)


def test_folder_without_readable_photos_is_refused(scoring, tmp_path):
    (tmp_path / "red").mkdir()
    (tmp_path / "red" / "x.png").write_text("none")
    with pytest.raises(scoring.FolderError, match="none of the 1 photos can be read"):
        scoring.score_photos(StrongestColour(), FACTS, tmp_path)


def test_model_with_several_labels_is_refused(scoring, folder):
    facts = {**FACTS, "output": {"labels": LABELS, "thresholds": [0.5, 0.5, 0.5]}}
    with pytest.raises(scoring.FolderError, match="this one has several labels"):
        scoring.score_photos(StrongestColour(), facts, folder)


def test_balanced_accuracy_is_the_mean_of_the_labels_with_photos(scoring):
    per_label = {
        "ok": {"photos": 98, "right": 98},
        "fault": {"photos": 2, "right": 1},
        "none": {"photos": 0, "right": 0},
    }
    assert scoring.average_recalls(per_label) == 0.75


def test_answers_are_counted_where_the_bundle_has_thresholds(scoring, folder, import_payload):
    answers = import_payload("answers")
    facts = {"answers": {"least_probability": 0.9, "least_similarities": {"red": 0.5, "blue": 1.0}}}
    # The features of all photos have a similarity of 0.6 to the reference.
    thresholds = answers.Thresholds(facts, np.array([[60, 80]], np.int8))
    accuracy = scoring.score_photos(StrongestColour(), FACTS, folder, lambda: None, thresholds)
    assert accuracy["decisions"] == {"answered": 1, "right": 1, "unsure": 1, "none": 1}
    blue, red, dark = accuracy["answers"]
    assert (blue["similarity"], blue["known"], blue["accepted"]) == (0.6, False, False)
    assert (red["known"], red["accepted"], dark["known"], dark["accepted"]) == (True, True, True, False)


def test_bundle_without_thresholds_has_no_decisions(scoring, folder):
    accuracy = scoring.score_photos(StrongestColour(), FACTS, folder)
    assert "decisions" not in accuracy and set(accuracy["answers"][0]) == {"photo", "label", "probabilities"}


def test_decisions_are_described_in_one_line(scoring):
    text = scoring.describe_decisions({"answered": 8, "right": 6, "unsure": 2, "none": 1})
    assert text == "answers: 8 a label (6 right, 0.7500), 2 unsure, 1 none of these"
    text = scoring.describe_decisions({"answered": 0, "right": 0, "unsure": 0, "none": 3})
    assert text == "answers: 0 a label (0 right), 0 unsure, 3 none of these"
