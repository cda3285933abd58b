"""quality_tables.py: how good a model is, in sentences, cells and HTML."""

from edgetl.core.evaluation.quality.class_warnings import ClassCount
from edgetl.core.evaluation.quality.model_quality import ModelQuality, Tally, assess_quality
from edgetl.core.report.quality_tables import (
    describe_quality,
    list_quality_warnings,
    render_quality,
    tabulate_class_quality,
)


def assess(classes: int, validation: Tally | None = None) -> ModelQuality:
    counts = [
        ClassCount(name=f"<c{number}>", photos=20, correct=20 - number, predicted=20) for number in range(classes)
    ]
    return assess_quality(counts, part="test", confidence=0.95, validation=validation)


def test_quality_is_described_with_bounds_and_baselines():
    assert describe_quality(assess(5, Tally(80, 100))) == [
        "how good the model is: it predicts 0.9000 of 100 test photos correctly "
        "(one-sided 95% bounds 0.8396 and 0.9393)",
        "  balanced accuracy, the mean of the recalls of the classes: 0.9000 (bounds 0.8369 and 0.9426)",
        "  always predicting '<c0>' reaches 0.2000, guessing 0.2000; the same file predicts 0.8000 of 100 validation "
        "photos",
    ]
    assert describe_quality(assess(5))[2].endswith("guessing 0.2000")


def test_classes_are_tabulated_with_recall_and_predictions():
    title, columns, rows = tabulate_class_quality(assess(3))
    assert title == "the model by class, test photos"
    assert columns == ["class", "photos", "recall", "its 95% bounds", "predicted"]
    assert rows[0] == ["<c2>", "20", "0.9000", "0.738 … 0.966", "20"]
    assert [row[0] for row in rows] == ["<c2>", "<c1>", "<c0>"]


def test_ten_classes_at_most_are_tabulated():
    title, _, rows = tabulate_class_quality(assess(15))
    assert title == "the model by class, test photos: the 10 of 15 classes with the lowest recall"
    assert [row[0] for row in rows] == [f"<c{number}>" for number in range(14, 4, -1)]


def test_classes_without_photos_are_not_tabulated_and_predictions_of_them_are_counted():
    counts = [
        ClassCount(name="cat", photos=20, correct=15, predicted=17),
        ClassCount(name="dog", photos=20, correct=18, predicted=18),
        ClassCount(name="bird", photos=0, correct=0, predicted=5),
        ClassCount(name="fish", photos=0, correct=0, predicted=0),
    ]
    quality = assess_quality(counts, part="test", confidence=0.95)
    title, _, rows = tabulate_class_quality(quality)
    assert title == "the model by class, test photos" and [row[0] for row in rows] == ["cat", "dog"]
    expected = "  5 photos are predicted as classes that have no photos, which counts as wrong"
    assert expected in describe_quality(quality)


def test_warnings_say_what_to_do():
    quality = assess(3)
    (line,) = list_quality_warnings(quality)
    assert line.startswith("60 test photos judge the model") and "; add photos to the class folders" in line


def test_html_escapes_class_names():
    html = render_quality(assess(3, Tally(80, 100)))
    assert "&lt;c0&gt;" in html and "<c0>" not in html
    assert "the same file predicts 0.8000" in html and "warning" in html
