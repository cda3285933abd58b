"""label_lines.py: the photos of each label, and those with several or none."""

from pathlib import Path

from edgetl.core.records import Dataset, Photo
from edgetl.core.report.label_lines import describe_labels


def make_dataset(*labels: tuple[int, ...], classes: int = 3) -> Dataset:
    photos = tuple(Photo(path=f"{row}.jpg", label=0, sha256=f"{row}", labels=row_) for row, row_ in enumerate(labels))
    return Dataset(
        root=Path("/photos"),
        classes=tuple("abcdefghijklmnopqrstuvwxyz"[:classes]),
        train=photos,
        validation=(),
        test=(),
        left_out=(),
        sha256="",
        multi_label=bool(labels),
    )


def test_photos_of_each_label():
    lines = describe_labels(make_dataset((1, 1, 0), (0, 1, 0), (0, 0, 0), (0, 0, 1)))
    assert lines == ["photos with each label: b 2, a 1, c 1; 1 photos have several, 1 have none"]


def test_many_labels_are_counted():
    assert "and 8 more labels; 1 photos" in describe_labels(make_dataset((1,) * 20, classes=20))[0]


def test_classes_have_no_such_line():
    assert describe_labels(make_dataset()) == []
