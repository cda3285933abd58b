"""Photos predicted with the file itself: as the scores of the build, unreadable ones named, all others predicted."""

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.rejection.feature_files import ScoresWithFeatures
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.pipeline.options import ClassifierOptions
from edgetl.pipeline.usage import predictions
from edgetl.pipeline.usage.classifiers import find_classifier
from edgetl.pipeline.usage.predictions import predict_photos

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def classifier(built):
    return find_classifier(built.run, ClassifierOptions())


def test_predictions_are_those_of_the_build(classifier, built, shared_dataset, monkeypatch):
    # Several chunks.
    monkeypatch.setattr(predictions, "_CHUNK_PHOTOS", 7)
    folder = built.run / f"score-tflite-{classifier.method}-xnnpack-test"
    scores = np.load(read_finished_stage(folder, ScoresWithFeatures).record.path)
    paths = [shared_dataset.root / photo.path for photo in shared_dataset.test]
    predicted = predict_photos(classifier, paths, 3, console=QUIET)
    assert [photo.photo for photo in predicted.photos] == paths and predicted.unreadable == ()
    for photo, row in zip(predicted.photos, scores, strict=True):
        by_class = {rank.label: rank.probability for rank in photo.classes}
        assert [by_class[name] for name in classifier.classes] == pytest.approx(row, abs=1e-6)
    labels = [classifier.classes[photo.label] for photo in shared_dataset.test]
    assert [photo.true_class for photo in predicted.photos] == labels
    assert predicted.right == sum(photo.label == label for photo, label in zip(predicted.photos, labels, strict=True))


def test_folder_is_predicted_with_the_classes_that_its_folders_tell(classifier, photos):
    predicted = predict_photos(classifier, [photos], 1, console=QUIET)
    assert len(predicted.photos) == predicted.labelled == 120 and predicted.right > 100
    assert {len(photo.classes) for photo in predicted.photos} == {1}


def test_unreadable_photos_are_named_and_all_others_predicted(classifier, photos, tmp_path):
    (tmp_path / "bad.jpg").write_text("no photo")
    good = next(photos.rglob("*.png"))
    predicted = predict_photos(classifier, [tmp_path / "bad.jpg", good, tmp_path / "gone.png"], 3, console=QUIET)
    assert [photo.photo for photo in predicted.photos] == [good]
    assert [file.path for file in predicted.unreadable] == [str(tmp_path / "bad.jpg"), str(tmp_path / "gone.png")]
    assert predicted.unreadable[1].reason == "cannot be read: No such file or directory"
    only = predict_photos(classifier, [tmp_path / "bad.jpg"], 3, console=QUIET)
    assert only.photos == () and len(only.unreadable) == 1


def test_folder_without_photos_is_an_error(classifier, tmp_path):
    with pytest.raises(DataError, match="no photo in any folder") as error:
        predict_photos(classifier, [tmp_path], 3, console=QUIET)
    assert error.value.where == (str(tmp_path),) and ".jpg" in error.value.hint
    (tmp_path / "1.dng").touch()
    with pytest.raises(DataError, match=r"all 1 files are \.dng"):
        predict_photos(classifier, [tmp_path], 3, console=QUIET)


def test_top_below_one_is_an_error(classifier, photos):
    with pytest.raises(ConfigError, match="--top must be at least 1, not 0"):
        predict_photos(classifier, [photos], 0, console=QUIET)


def test_other_number_of_class_names_is_an_error(classifier, photos):
    with pytest.raises(ConfigError, match="the model has 3 outputs, and there are 2 class names"):
        predict_photos(
            classifier.model_copy(update={"classes": ("a", "b")}), [next(photos.rglob("*.png"))], 3, console=QUIET
        )
