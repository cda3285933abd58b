"""Tables of a comparison: for each cell a title, and a column for each device."""

from dataclasses import replace

from edgetl.core.comparison.comparison_tables import PAIR_COLUMNS, list_pair_cells, list_row_cells, list_row_columns
from edgetl.core.comparison.run_comparison import compare_runs
from tests.fixtures.comparisons import make_compared, spoil
from tests.fixtures.reports import Sample


def test_every_row_has_a_cell_for_each_column():
    comparison = compare_runs([make_compared("a", epochs="1"), make_compared("b", epochs="2"), make_compared("c")])
    assert {len(row) for row in list_row_cells(comparison)} == {len(list_row_columns(comparison))}
    assert {len(row) for row in list_pair_cells(comparison)} == {len(PAIR_COLUMNS)}


def test_devices_of_all_runs_are_columns():
    first, second = make_compared("a"), make_compared("b")
    for name, run in (("pi", first), ("nano", second)):
        result = run.targets[0].result.model_copy(update={"device_ms": {name: {"a" * 64: 2.0}}})
        object.__setattr__(run, "targets", (replace(run.targets[0], result=result),))
    comparison = compare_runs([first, second])
    assert list_row_columns(comparison)[-3:] == ["pi, ms", "nano, ms", "verdict"]
    rows = list_row_cells(comparison)
    assert [row[-3:-1] for row in rows] == [["2.00", ""], ["", "2.00"]]


def test_pair_says_how_many_photos_are_shared_and_which_are_left_out():
    first, second = make_compared("a"), spoil(make_compared("b"), range(20))
    target = second.targets[0]
    photos = list(target.photos)
    # One photo with another class, 20 photos that the first run does not have.
    photos[0] = photos[0].model_copy(update={"label": 1})
    photos[40:] = [photo.model_copy(update={"sha256": f"new {row}"}) for row, photo in enumerate(photos[40:])]
    photos[1:3] = [photo.model_copy(update={"group": "burst"}) for photo in photos[1:3]]
    second = replace(second, targets=(replace(target, photos=tuple(photos)),))
    (row,) = list_pair_cells(compare_runs([first, second]))
    cells = dict(zip(PAIR_COLUMNS, row, strict=True))
    assert cells["test photos in common"] == "39 of 60 and 60, in 38 groups; 1 with other labels left out"
    assert cells["result"] == "lower" and cells["change, points"].startswith("-")


def test_pair_that_is_not_comparable_has_the_reason_only():
    runs = [make_compared("a"), make_compared("b", sample=Sample(classes=("x", "y")))]
    (row,) = list_pair_cells(compare_runs(runs))
    assert row[2:6] == [""] * 4 and row[6].startswith("not comparable: the classes are not the same")
