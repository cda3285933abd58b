import numpy as np
import pytest

from edgetl.core.rejection.thresholds import AnswerLimits
from edgetl.engines.unseen_classes import (
    MOST_CLASSES,
    FeatureParts,
    LabelledFeatures,
    Setting,
    count_unseen,
    draw_classes,
)

SETTING = Setting(
    classes=("a", "b", "c", "d"),
    limits=AnswerLimits(rejected_own=0.05, error_accepted=0.05, by_class=False),
    most_bytes=10**6,
)
# Class "b" is near class "a", and the two others are far from everything.
MODES = np.array([[1, 0.1, 0, 0, 0, 0.0], [1, 0, 0.1, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0]])


def draw_part(photos, seed, classes=4):
    generator = np.random.default_rng(seed)
    labels = np.arange(photos) % classes
    return LabelledFeatures(features=np.abs(MODES[labels] + generator.normal(0, 0.05, (photos, 6))), labels=labels)


@pytest.fixture(scope="module")
def parts():
    return FeatureParts(train=draw_part(200, 1), validation=draw_part(120, 2), test=draw_part(80, 3))


def test_similar_classes_are_accepted_and_others_are_not(parts):
    steps = []
    counts = {row.title: row for row in count_unseen(parts, SETTING, seed=1, advance=steps.append)}
    assert list(counts) == ["a", "b", "c", "d"] and sum(steps) == 4
    assert all(row.photos == 20 for row in counts.values())
    assert counts["a"].known >= 10 and counts["b"].known >= 10
    assert counts["c"].known == counts["d"].known == 0


def test_class_without_test_photos_is_left_out(parts):
    some = FeatureParts(train=parts.train, validation=parts.validation, test=draw_part(60, 3, classes=3))
    assert [row.title for row in count_unseen(some, SETTING, seed=1)] == ["a", "b", "c"]


def test_two_classes_have_no_third():
    two = FeatureParts(**{part: draw_part(60, 1, classes=2) for part in ("train", "validation", "test")})
    setting = Setting(classes=("a", "b"), limits=SETTING.limits, most_bytes=1)
    assert count_unseen(two, setting, seed=1) == () and draw_classes(two.train.labels, 1) == []


def test_classes_without_photos_are_never_drawn(parts):
    # Of a model made elsewhere: 40 outputs, of which four have photos.
    setting = Setting(classes=tuple(f"output {index}" for index in range(40)), limits=SETTING.limits, most_bytes=10**6)
    rows = count_unseen(parts, setting, seed=1)
    assert [row.title for row in rows] == ["output 0", "output 1", "output 2", "output 3"]
    two = FeatureParts(**{part: draw_part(60, 1, classes=2) for part in ("train", "validation", "test")})
    assert count_unseen(two, setting, seed=1) == ()


def test_few_classes_are_all_left_out_and_many_are_drawn():
    assert draw_classes(np.array([0, 3, 1, 2, 3]), 7) == [0, 1, 2, 3]
    many = np.arange(300)
    drawn = draw_classes(many, 7)
    assert len(set(drawn)) == MOST_CLASSES and drawn == sorted(drawn) and drawn == draw_classes(many, 7)
    assert drawn != draw_classes(many, 8)
