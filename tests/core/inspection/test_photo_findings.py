"""What is known of the photos of a run: nothing, the findings of its build, or those of an inspection."""

from pathlib import Path

import numpy as np

from edgetl.core.inspection.findings import BuildFindings
from edgetl.core.inspection.photo_findings import combine_findings, list_repeated
from edgetl.core.records import Dataset


def make_dataset(photos):
    grouped = [photo.model_copy(update={"group": "burst" if row in (2, 3) else ""}) for row, photo in enumerate(photos)]
    return Dataset(
        root=Path("photos"),
        classes=("a", "b"),
        train=tuple(grouped[::2]),
        validation=tuple(grouped[1::4]),
        test=tuple(grouped[3::4]),
        left_out=(),
        sha256="d" * 64,
        notes=(),
    )


def test_run_without_findings_knows_its_groups(photos):
    findings = combine_findings(make_dataset(photos), None)
    assert findings.groups == ((2, 3),) and [photo.path for photo in findings.photos] == [p.path for p in photos]
    assert findings.suspects == findings.bad_photos == findings.pairs == findings.shortcuts == ()


def test_findings_of_a_build_and_of_an_inspection_are_read_in_the_same_way(photos, inspection):
    built = BuildFindings(
        judged=4, **{name: getattr(inspection, name) for name in ("suspects", "pairs", "bad_photos", "shortcuts")}
    )
    first, second = (combine_findings(make_dataset(photos), record) for record in (built, inspection))
    assert first.suspects == second.suspects == inspection.suspects and first.pairs == second.pairs
    assert (first.built, second.built) == ((built,), ()) and second.inspected == (inspection,)


def test_groups_are_listed_by_their_size_and_then_by_their_rows():
    assert list_repeated(np.array([5, 1, 5, 2, 1, 9, 1])) == ((1, 4, 6), (0, 2))


def test_photos_without_a_group_are_not_listed():
    assert list_repeated(np.arange(4)) == ()
