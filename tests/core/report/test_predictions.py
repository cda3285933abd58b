"""Predictions as text, tables and sentences."""

from pathlib import Path

import numpy as np
import pytest

from edgetl.core.records import LeftOut
from edgetl.core.report.predictions import (
    ClassifiedPhoto,
    ClassProbability,
    PhotoAnswer,
    Predicted,
    describe_predictions,
    format_photo,
    rank_classes,
    select_labels,
    tabulate_predictions,
)

CLASSES = ("cat", "dog", "owl")


def make_prediction(name: str, scores: list[float], true_class: str = "", top: int = 2) -> ClassifiedPhoto:
    return ClassifiedPhoto(
        photo=Path(name), true_class=true_class, classes=rank_classes(np.array(scores, np.float32), CLASSES, top)
    )


def make_predicted(*photos: ClassifiedPhoto, unreadable=(), method="int8") -> Predicted:
    return Predicted(model=Path("m.tflite"), sha256="0", method=method, photos=photos, unreadable=unreadable)


RIGHT = make_prediction("a.jpg", [0.9, 0.07, 0.03], "cat")
WRONG = make_prediction("b.jpg", [0.2, 0.7, 0.1], "owl")
UNKNOWN = make_prediction("c.jpg", [0.2, 0.1, 0.7])


@pytest.mark.parametrize(
    ("scores", "top", "expected"),
    [
        ([0.1, 0.7, 0.2], 2, [("dog", 0.7), ("owl", 0.2)]),
        ([0.1, 0.7, 0.2], 9, [("dog", 0.7), ("owl", 0.2), ("cat", 0.1)]),
        # Equal ones are in the order of the classes.
        ([0.5, 0.0, 0.5], 2, [("cat", 0.5), ("owl", 0.5)]),
    ],
)
def test_classes_are_ranked_by_probability(scores, top, expected):
    ranked = rank_classes(np.array(scores, np.float32), CLASSES, top)
    assert [(row.label, row.probability) for row in ranked] == expected
    assert isinstance(ranked[0], ClassProbability)


def test_right_photos_are_counted_among_those_whose_folder_tells():
    predicted = make_predicted(RIGHT, WRONG, UNKNOWN)
    assert (predicted.labelled, predicted.right) == (2, 1)
    assert describe_predictions(predicted) == [
        "m.tflite (int8): 3 photos",
        "right: 1 of 2 photos whose folder names a class (0.5000), balanced accuracy 0.5000",
    ]
    assert describe_predictions(make_predicted(UNKNOWN, method="")) == ["m.tflite: 1 photo"]


def test_photo_as_text_has_a_line_for_each_class():
    assert format_photo(RIGHT) == ["a.jpg  (true class: cat)", "  cat   90.0 %", "  dog    7.0 %"]
    assert format_photo(UNKNOWN)[0] == "c.jpg"


def test_table_has_a_row_for_each_photo_and_true_classes_where_folders_tell():
    columns, rows = tabulate_predictions(make_predicted(RIGHT, UNKNOWN))
    assert columns == ["photo", "true class", "class", "%", "next, %"]
    assert rows == [["a.jpg", "cat", "cat", "90.0", "7.0 dog"], ["c.jpg", "", "owl", "70.0", "20.0 cat"]]
    columns, rows = tabulate_predictions(make_predicted(make_prediction("c.jpg", [0.2, 0.1, 0.7], top=1)))
    assert (columns, rows) == (["photo", "class", "%"], [["c.jpg", "owl", "70.0"]])


def test_predictions_are_rows_and_html_for_notebooks():
    hostile = make_prediction("<b>.jpg", [0.2, 0.1, 0.7])
    predicted = make_predicted(RIGHT, hostile, unreadable=(LeftOut(path="d.jpg", reason="damaged"),))
    assert predicted.table()[0] == {
        "photo": "a.jpg",
        "true_class": "cat",
        "class": "cat",
        "answer": "cat",
        "probability": 0.9,
    }
    html = predicted._repr_html_()
    assert "m.tflite" in html and "cat" in html and "<b>" not in html


def test_nothing_predicted_has_an_empty_table():
    assert tabulate_predictions(make_predicted()) == (["photo", "class", "%"], [])


def test_control_characters_of_names_are_escaped():
    photo = make_prediction("a\x1b[31m\n.jpg", [0.9, 0.07, 0.03]).model_copy(
        update={"classes": (ClassProbability(label="c\u202eat", probability=1.0),)}
    )
    text = format_photo(photo)
    assert len(text) == 2 and not any(character in "".join(text) for character in "\x1b\n\u202e")


def make_labelled(name: str, scores: list[float], true_class: str = "") -> ClassifiedPhoto:
    labels = select_labels(np.array(scores, np.float32), CLASSES, (0.5, 0.3, 0.5))
    return ClassifiedPhoto(photo=Path(name), true_class=true_class, classes=labels, multi_label=True)


def test_all_labels_of_a_photo_are_shown():
    photo = make_labelled("a.jpg", [0.6, 0.3125, 0.4], "dog")
    assert [(row.label, row.threshold) for row in photo.classes] == [("cat", 0.5), ("dog", 0.3)]
    assert format_photo(photo)[1:] == ["  cat   60.0 %", "  dog   31.2 %"] and photo.label == "cat, dog"


def test_photo_without_labels():
    photo = make_labelled("b.jpg", [0.1, 0.1, 0.1], "dog")
    assert photo.label == "none" and format_photo(photo)[1] == "  none: no label reaches its threshold"
    predicted = make_predicted(make_labelled("a.jpg", [0.6, 0.4, 0.4], "dog"), photo)
    assert (
        predicted.right == 1
        and "whose folder names a label, which is among theirs" in describe_predictions(predicted)[1]
    )
    assert predicted.table()[1]["probability"] is None
    columns, rows = tabulate_predictions(predicted)
    assert columns == ["photo", "true class", "labels", "%"]
    assert rows == [["a.jpg", "dog", "cat, dog", "60.0, 40.0"], ["b.jpg", "dog", "none", ""]]


def test_balanced_accuracy_counts_each_class_equally():
    predicted = make_predicted(*[RIGHT] * 9, WRONG)
    names = [photo.true_class for photo in predicted.photos]
    recalls = [
        sum(photo.label == photo.true_class for photo in predicted.photos if photo.true_class == name)
        / names.count(name)
        for name in set(names)
    ]
    assert predicted.balanced_accuracy == pytest.approx(sum(recalls) / len(recalls))


def add_answer(photo: ClassifiedPhoto, text: str, reason: str, *, known: bool) -> ClassifiedPhoto:
    best = photo.classes[0]
    answer = PhotoAnswer(
        label=best.label,
        probability=best.probability,
        accepted=not reason,
        known=known,
        similarity=0.5,
        text=text,
        reason=reason,
    )
    return photo.model_copy(update={"answer": answer})


ANSWERED = add_answer(RIGHT, "cat", "", known=True)
UNSURE = add_answer(WRONG, "unsure: dog or cat", "probability 70.0%, a label needs 90.0%", known=True)
NONE = add_answer(UNKNOWN, "none of these", "similarity 0.500, a label needs 0.789", known=False)


def test_answers_that_are_no_label_have_their_reason():
    assert format_photo(ANSWERED) == format_photo(RIGHT)
    assert format_photo(UNSURE)[1:] == [
        "  unsure: dog or cat (probability 70.0%, a label needs 90.0%)",
        *format_photo(WRONG)[1:],
    ]
    # Probabilities of a photo that shows none of the classes compare them with each other only.
    assert format_photo(NONE) == ["c.jpg", "  none of these (similarity 0.500, a label needs 0.789)"]


def test_table_has_the_answers_in_place_of_classes():
    columns, rows = tabulate_predictions(make_predicted(ANSWERED, UNSURE, NONE))
    assert columns == ["photo", "true class", "class", "%", "next, %"]
    assert [row[2:] for row in rows] == [
        ["cat", "90.0", "7.0 dog"],
        ["unsure: dog or cat", "70.0", "20.0 cat"],
        ["none of these", "", ""],
    ]
    table = make_predicted(ANSWERED, UNSURE, NONE).table()
    assert [(row["class"], row["answer"]) for row in table] == [
        ("cat", "cat"),
        ("dog", "unsure: dog or cat"),
        ("owl", "none of these"),
    ]


def test_answers_are_counted_in_the_description():
    lines = describe_predictions(make_predicted(ANSWERED, UNSURE, NONE))
    assert lines[-1] == "answers: 1 a label, 1 unsure, 1 none of these"
    assert not any("answers" in line for line in describe_predictions(make_predicted(RIGHT, WRONG)))


def test_reason_for_labels_only_is_a_line():
    predicted = make_predicted(RIGHT).model_copy(update={"no_answers": "the file does not output features"})
    assert describe_predictions(predicted)[1:] == [
        "no photo is 'unsure' or 'none of these': the file does not output features"
    ]
