"""Whether a model may teach: its classes, its last activation, and the photos that it was trained on."""

from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.tasks.teacher_check import check_teacher_classes, check_teacher_photos

PLACE = Path("teacher-run")


def test_teacher_of_the_same_classes_and_activation_may_teach(built, shared_dataset):
    check_teacher_classes(built.trained, shared_dataset, "softmax", PLACE)


def test_other_classes_are_refused_in_any_order(built, shared_dataset):
    for classes in (("circle", "square"), tuple(reversed(shared_dataset.classes))):
        teacher = built.trained.model_copy(update={"classes": classes})
        with pytest.raises(ConfigError, match=f"--teacher predicts {classes[0]}, .*photos are of circle, square"):
            check_teacher_classes(teacher, shared_dataset, "softmax", PLACE)


def test_another_activation_is_refused_with_its_option(built, shared_dataset):
    with pytest.raises(ConfigError, match="last activation") as error:
        check_teacher_classes(built.trained, shared_dataset, "sigmoid", PLACE)
    assert error.value.hint == "add --activation softmax"


def test_several_labels_and_one_class_do_not_teach_each_other(built, shared_dataset):
    several = shared_dataset.model_copy(update={"multi_label": True})
    with pytest.raises(ConfigError, match="may have several labels"):
        check_teacher_classes(built.trained, several, "softmax", PLACE)


def test_teacher_of_the_same_parts_may_teach(shared_dataset):
    assert check_teacher_photos(shared_dataset, shared_dataset, PLACE) == 0


@pytest.mark.parametrize("part", ["train", "validation"])
def test_teacher_that_was_trained_on_a_test_photo_is_refused(shared_dataset, part):
    # A copy in another folder has the same hash.
    copy = shared_dataset.test[0].model_copy(update={"path": "elsewhere/1.png"})
    seen = shared_dataset.model_copy(update={part: (*shared_dataset.part(part), copy)})
    with pytest.raises(ConfigError, match=f"on 1 of the {len(shared_dataset.test)} test photos") as error:
        check_teacher_photos(seen, shared_dataset, PLACE)
    assert shared_dataset.test[0].path in [str(place) for place in error.value.where]


def test_validation_photos_that_the_teacher_was_trained_on_are_counted(shared_dataset):
    seen = shared_dataset.model_copy(update={"train": (*shared_dataset.train, *shared_dataset.validation[:2])})
    assert check_teacher_photos(seen, shared_dataset, PLACE) == 2
