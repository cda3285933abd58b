"""calibration.py: each way in which calibration photos go wrong in practice stops the build by name."""

from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import DataError
from edgetl.core.photos import calibration_audit, dataset
from edgetl.core.records import Dataset, LayerError, Photo


def photo(label: int, number: int) -> Photo:
    return Photo(path=f"{label}/{number}.jpg", label=label, sha256=f"{label}-{number}")


PHOTOS = [photo(label, number) for label in range(3) for number in range(30)]
DATASET = Dataset(
    root=Path("photos"),
    classes=("a", "b", "c"),
    train=tuple(of for of in PHOTOS if int(of.path[2:-4]) < 20),
    validation=tuple(of for of in PHOTOS if 20 <= int(of.path[2:-4]) < 25),
    test=tuple(of for of in PHOTOS if int(of.path[2:-4]) >= 25),
    left_out=(),
    sha256="d",
)
DRAWN = list(dataset.draw_calibration_photos(DATASET, 12, 1))
DRAWS = np.random.default_rng(3)


def colourful(count: int, level: float = 110, spread: float = 50) -> np.ndarray:
    """Photos of many levels, none like another: uint8 [count, 8, 8, 3]."""
    centre = DRAWS.normal(level, 15, (count, 1, 1, 1))
    return np.clip(DRAWS.normal(centre, spread, (count, 8, 8, 3)), 0, 255).astype(np.uint8)


def layer(name: str, *, scale: float = 0.1, saturated: float = 0.0) -> LayerError:
    return LayerError(name=name, operator="CONV_2D", scale=scale, error_steps=0.4, saturated=saturated)


@pytest.mark.parametrize("count", [1, 3, 12, 60])
def test_what_the_dataset_draws_is_good(count):
    calibration_audit.audit_photos(dataset.draw_calibration_photos(DATASET, count, 1), DATASET)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_photo_to_be_judged_by(part):
    stolen = DATASET.part(part)[0]
    with pytest.raises(DataError, match="one to be judged by") as caught:
        calibration_audit.audit_photos([*DRAWN, stolen], DATASET)
    assert caught.value.where == (stolen.path,)


def test_a_photo_of_nobody():
    with pytest.raises(DataError, match="none of the training photos"):
        calibration_audit.audit_photos([*DRAWN, photo(0, 99)], DATASET)


def test_one_photo_repeated():
    """A peer's way to fill a calibration set: the first photo, a hundred times."""
    with pytest.raises(DataError, match="stands 100 times") as caught:
        calibration_audit.audit_photos([DRAWN[0]] * 100, DATASET)
    assert caught.value.where == (DRAWN[0].path,)


def test_one_class_only():
    with pytest.raises(DataError, match="0 of 20 calibration photos are of class b"):
        calibration_audit.audit_photos([of for of in DATASET.train if of.label == 0], DATASET)


def test_what_another_draw_has_left_is_good():
    """The further photos of int8_more: a class may have run short, none may be nearly absent."""
    few = DATASET.model_copy(update={"train": tuple(of for of in DATASET.train if of.label or int(of.path[2:-4]) < 12)})
    calibration_audit.audit_photos(dataset.draw_calibration_photos(few, 60, 1)[15:], few)
    with pytest.raises(DataError, match="1 of 41 calibration photos are of class a"):
        calibration_audit.audit_photos([of for of in few.train if of.label or of.path == "0/3.jpg"], few)


def test_none():
    with pytest.raises(DataError, match="no calibration photos"):
        calibration_audit.audit_photos([], DATASET)


def test_a_rare_class_may_be_short():
    few = DATASET.model_copy(update={"train": tuple(of for of in DATASET.train if of.label or of.path == "0/3.jpg")})
    calibration_audit.audit_photos(dataset.draw_calibration_photos(few, 30, 1), few)


def test_pixels_like_the_training_photos(as_pixels):
    calibration_audit.audit_pixels(as_pixels(colourful(60)), as_pixels(colourful(200)))


def test_few_photos_may_differ_by_chance(as_pixels):
    calibration_audit.audit_pixels(as_pixels(colourful(2, level=118)), as_pixels(colourful(200)))


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (np.zeros((60, 8, 8, 3), np.uint8), "100% of the calibration photos are of one colour"),
        (np.concatenate([colourful(40), np.full((20, 8, 8, 3), 90, np.uint8)]), "33% of the calibration photos"),
        (colourful(60, level=40), "levels have a mean of"),
        (DRAWS.integers(0, 256, (60, 8, 8, 3)).astype(np.uint8), "unlike the training photos"),
        (colourful(60, level=110, spread=8), "levels have a deviation of"),
    ],
)
def test_black_dark_noisy_and_flat_ones(as_pixels, pixels, told):
    with pytest.raises(DataError, match=told):
        calibration_audit.audit_pixels(as_pixels(pixels), as_pixels(colourful(200, level=110)))


def test_blank_photos_are_fine_where_training_has_them_too(as_pixels):
    half = np.concatenate([colourful(30), np.full((30, 8, 8, 3), 110, np.uint8)])
    calibration_audit.audit_pixels(as_pixels(half), as_pixels(half))


def test_a_saturated_layer_is_named():
    calibration_audit.audit_ranges([layer("a", saturated=0.05)], 500)
    calibration_audit.audit_ranges([layer("a", saturated=0.3)], 12)
    calibration_audit.audit_ranges([layer("a", saturated=0.3).model_copy(update={"operator": "SOFTMAX"})], 500)
    with pytest.raises(DataError, match="6% of the numbers of CONV_2D lie beyond the range") as caught:
        calibration_audit.audit_ranges([layer("a"), layer("b", saturated=0.06)], 500)
    assert caught.value.where == ("b",)


def test_two_sets_that_agree_and_two_that_do_not():
    first = [layer("a"), layer("b", scale=0.2), layer("only here")]
    assert (
        calibration_audit.explain_disagreement(
            first, [layer("a", scale=0.14), layer("b", scale=0.15), layer("only there")]
        )
        == ""
    )
    told = calibration_audit.explain_disagreement(first, [layer("a", scale=0.12), layer("b", scale=0.1)])
    assert told == "the ranges of b differ by a factor of 2.00"
    assert calibration_audit.explain_disagreement([], []) == ""


def test_the_audit_gives_the_pixels_of_the_photos_in_their_order(shared_dataset, built):
    photos = dataset.draw_calibration_photos(shared_dataset, 12, 1)
    pixels = calibration_audit.audit_calibration(photos, shared_dataset, built.trained.input)
    turned = calibration_audit.audit_calibration(photos[::-1], shared_dataset, built.trained.input)
    assert len(pixels) == 12 and (pixels.rows(range(12)) == turned.rows(range(11, -1, -1))).all()
    with pytest.raises(DataError, match="is one to be judged by"):
        calibration_audit.audit_calibration(shared_dataset.test[:9], shared_dataset, built.trained.input)
