"""calibration_audit.py: every common mistake with calibration photos is an error that names it."""

from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import DataError, StageError
from edgetl.core.evaluation.metrics import sample_evenly
from edgetl.core.photos import calibration_audit
from edgetl.core.photos.dataset import draw_calibration_photos
from edgetl.core.records import Dataset, InputSpec, LayerError, Photo

SPEC = InputSpec(height_px=32, width_px=32, fit="crop")


def make_photo(label: int, number: int) -> Photo:
    return Photo(path=f"{label}/{number}.jpg", label=label, sha256=f"{label}-{number}")


def make_photos(numbers: range, labels: range = range(3)) -> tuple[Photo, ...]:
    return tuple(make_photo(label, number) for label in labels for number in numbers)


BALANCED = Dataset(
    root=Path("photos"),
    classes=("a", "b", "c"),
    train=make_photos(range(20)),
    validation=make_photos(range(20, 25)),
    test=make_photos(range(25, 30)),
    left_out=(),
    sha256="d",
)
DRAWN = list(draw_calibration_photos(BALANCED, 12, 1))


def with_class_a(photos: tuple[Photo, ...]) -> Dataset:
    """Return the dataset with other training photos of class a."""
    return BALANCED.model_copy(update={"train": (*photos, *make_photos(range(20), range(1, 3)))})


def make_colourful(count: int, *, level: float = 110, deviation: float = 50) -> np.ndarray:
    """Make photos with many levels: uint8 [count, 8, 8, 3]."""
    generator = np.random.default_rng((count, int(level)))
    centres = generator.normal(level, 15, (count, 1, 1, 1))
    return np.clip(generator.normal(centres, deviation, (count, 8, 8, 3)), 0, 255).astype(np.uint8)


def make_blank(count: int, level: int) -> np.ndarray:
    return np.full((count, 8, 8, 3), level, np.uint8)


def make_layer(name: str, *, scale: float = 0.1, saturated: float = 0.0, operator: str = "CONV_2D") -> LayerError:
    return LayerError(name=name, operator=operator, scale=scale, error_steps=0.4, saturated=saturated)


@pytest.mark.parametrize("count", [1, 3, 12, 60])
def test_photos_that_the_dataset_draws_pass(count):
    calibration_audit.audit_photos(draw_calibration_photos(BALANCED, count, 1), BALANCED)


def test_no_photos_are_refused():
    with pytest.raises(DataError, match="no calibration photos"):
        calibration_audit.audit_photos([], BALANCED)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_photo_of_the_validation_or_test_part_is_refused(part):
    photo = BALANCED.part(part)[0]
    with pytest.raises(DataError, match=f"a calibration photo is in the {part} part") as error:
        calibration_audit.audit_photos([*DRAWN, photo], BALANCED)
    assert error.value.where == (photo.path,)


def test_photo_outside_the_dataset_is_refused():
    with pytest.raises(DataError, match="is not a training photo"):
        calibration_audit.audit_photos([*DRAWN, make_photo(0, 99)], BALANCED)


def test_repeated_photo_is_refused():
    with pytest.raises(DataError, match="occurs 100 times") as error:
        calibration_audit.audit_photos([DRAWN[0]] * 100, BALANCED)
    assert error.value.where == (DRAWN[0].path,)


def test_photos_of_a_single_class_are_refused():
    with pytest.raises(DataError, match="only 0 of 20 calibration photos are of class b"):
        calibration_audit.audit_photos(make_photos(range(20), range(1)), BALANCED)


def test_photos_that_another_draw_has_left_pass():
    """The further photos of int8_more: a class may have few photos left."""
    few = with_class_a(make_photos(range(12), range(1)))
    calibration_audit.audit_photos(draw_calibration_photos(few, 60, 1)[15:], few)


def test_single_photo_of_a_common_class_is_refused():
    few = with_class_a(make_photos(range(12), range(1)))
    photos = (make_photo(0, 3), *make_photos(range(20), range(1, 3)))
    with pytest.raises(DataError, match="only 1 of 41 calibration photos are of class a"):
        calibration_audit.audit_photos(photos, few)


def test_single_photo_of_a_rare_class_passes():
    rare = with_class_a((make_photo(0, 3),))
    calibration_audit.audit_photos(draw_calibration_photos(rare, 30, 1), rare)


def test_photos_like_the_training_photos_pass(as_pixels):
    calibration_audit.audit_pixels(as_pixels(make_colourful(60)), as_pixels(make_colourful(200)))


def test_few_photos_may_differ_by_chance(as_pixels):
    calibration_audit.audit_pixels(as_pixels(make_colourful(2, level=118)), as_pixels(make_colourful(200)))


@pytest.mark.parametrize(
    ("photos", "message"),
    [
        (make_blank(60, 0), "100% of the calibration photos are of one colour"),
        (np.concatenate([make_colourful(40), make_blank(20, 90)]), "33% of the calibration photos are of one colour"),
        (make_colourful(60, level=40), "pixel values have a mean of"),
        (
            np.random.default_rng(3).integers(0, 256, (60, 8, 8, 3)).astype(np.uint8),
            "unlike the training photos",
        ),
        (make_colourful(60, deviation=8), "pixel values have a deviation of"),
    ],
    ids=["black", "partly blank", "dark", "noise", "low contrast"],
)
def test_photos_unlike_the_training_photos_are_refused(as_pixels, photos, message):
    with pytest.raises(DataError, match=message):
        calibration_audit.audit_pixels(as_pixels(photos), as_pixels(make_colourful(200)))


def test_blank_photos_pass_if_training_photos_are_blank_too(as_pixels):
    half_blank = np.concatenate([make_colourful(30), make_blank(30, 110)])
    calibration_audit.audit_pixels(as_pixels(half_blank), as_pixels(half_blank))


@pytest.mark.parametrize(
    ("saturated", "operator", "photos"),
    [(0.05, "CONV_2D", 500), (0.3, "CONV_2D", 12), (0.3, "SOFTMAX", 500)],
    ids=["at the limit", "few photos", "fixed range"],
)
def test_layer_that_is_rarely_saturated_passes(saturated, operator, photos):
    calibration_audit.audit_ranges([make_layer("a", saturated=saturated, operator=operator)], photos)


def test_layer_that_is_often_saturated_is_named():
    layers = [make_layer("a"), make_layer("b", saturated=0.06)]
    with pytest.raises(StageError, match="6% of the outputs of CONV_2D are outside its calibrated range") as error:
        calibration_audit.audit_ranges(layers, 500)
    assert error.value.where == ("b",)


def test_ranges_within_a_factor_of_one_and_a_half_agree():
    first = [make_layer("a"), make_layer("b", scale=0.2), make_layer("only first")]
    second = [make_layer("a", scale=0.14), make_layer("b", scale=0.15), make_layer("only second")]
    assert calibration_audit.explain_disagreement(first, second) == ""
    assert calibration_audit.explain_disagreement([], []) == ""


def test_layer_whose_ranges_differ_most_is_named():
    first = [make_layer("a"), make_layer("b", scale=0.2)]
    second = [make_layer("a", scale=0.16), make_layer("b", scale=0.1)]
    expected = "the ranges of b differ by a factor of 2.00"
    assert calibration_audit.explain_disagreement(first, second) == expected


def test_audited_pixels_are_those_of_the_photos_in_order(dataset):
    photos = draw_calibration_photos(dataset, 12, 1)
    pixels = calibration_audit.audit_calibration(photos, dataset, SPEC)
    reversed_pixels = calibration_audit.audit_calibration(photos[::-1], dataset, SPEC)
    assert len(pixels) == 12 and (pixels.rows(range(12)) == reversed_pixels.rows(range(11, -1, -1))).all()


def test_test_photos_are_refused_before_their_pixels_are_opened(dataset):
    with pytest.raises(DataError, match="is in the test part"):
        calibration_audit.audit_calibration(dataset.test[:9], dataset, SPEC)


def test_audit_compares_with_a_limited_number_of_evenly_drawn_training_photos(dataset, load_pixels, monkeypatch):
    compared = []
    monkeypatch.setattr(calibration_audit, "_COMPARED_PHOTOS", 30)
    monkeypatch.setattr(calibration_audit, "audit_pixels", lambda *pixels: compared.append(pixels))
    calibration_audit.audit_calibration(draw_calibration_photos(dataset, 12, 1), dataset, SPEC)
    ((_, training),) = compared
    expected = [load_pixels(dataset.train[row]) for row in sample_evenly(len(dataset.train), 30)]
    assert len(dataset.train) > 30 and np.array_equal(training.rows(range(len(training))), np.stack(expected))
