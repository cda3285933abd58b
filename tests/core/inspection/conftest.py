"""Findings about eight photos of two classes, with names that strangers chose."""

import pytest

from edgetl.core.inspection.findings import (
    BadPhoto,
    ConfusedPair,
    Inspection,
    LearningCurve,
    MapPoint,
    Shortcut,
    Suspect,
)
from edgetl.core.records import Photo

NAMES = (
    "a/1.jpg",
    "a/<script>alert(1)</script>.jpg",
    "a/=cmd.jpg",
    "a/qu\"ote's.jpg",
    "b/\u202egpj.exe",
    "b/" + "long" * 50 + ".jpg",
    "b/line\nbreak.jpg",
    "b/2.jpg",
)
CLASSES = ("<b>cats & dogs</b>", '"dogs" \u202e')


@pytest.fixture
def photos():
    return tuple(Photo(path=name, label=row // 4, sha256=f"{row:064x}") for row, name in enumerate(NAMES))


@pytest.fixture
def inspection():
    return Inspection(
        classes=CLASSES,
        counts=(4, 4),
        accuracy=0.75,
        recalls=(0.5, 1.0),
        suspects=(
            Suspect(row=1, suggested=1, score=0.01, neighbours=(4, 7)),
            Suspect(row=2, suggested=1, score=0.2, neighbours=()),
        ),
        bad_photos=(
            BadPhoto(row=1, problem="dark", detail="mean brightness 3 of 255"),
            BadPhoto(row=6, problem="blurred", detail="sharpness 2"),
            BadPhoto(row=0, problem="odd shape", detail="9 times as wide as high"),
        ),
        groups=((4, 5),),
        pairs=(ConfusedPair(label=0, predicted=1, photos=2, total=4, between=(1, 2)),),
        points=tuple(MapPoint(row=row, x=row / 8, y=1 - row / 8, outlier=row == 5) for row in range(8)),
        curves=(
            LearningCurve(
                label=-1, photos=(2, 4), accuracies=(0.5, 0.75), more=8, gain=0.02, gain_low=0.0, gain_high=0.05
            ),
            LearningCurve(
                label=0, photos=(2, 4), accuracies=(0.4, 0.5), more=8, gain=0.1, gain_low=-0.1, gain_high=0.3
            ),
        ),
        shortcuts=(
            Shortcut(name="size of the file", accuracy=0.9, low=0.8, chance=0.5, is_shortcut=True),
            Shortcut(name="camera", accuracy=0.5, low=0.4, chance=0.5, is_shortcut=False),
        ),
    )
