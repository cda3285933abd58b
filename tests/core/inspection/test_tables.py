"""Tables for the terminal: none without findings, and long lists are cut."""

from edgetl.core.console import build_table
from edgetl.core.inspection.findings import Suspect
from edgetl.core.inspection.tables import format_gain, tabulate_inspection


def test_every_kind_of_findings_has_a_table(inspection, photos):
    tables = tabulate_inspection(inspection, photos)
    assert [len(rows) for _, _, rows in tables] == [2, 2, 5, 1, 2, 1]
    assert all(len(row) == len(columns) for _, columns, rows in tables for row in rows)


def test_kinds_without_findings_have_none(inspection, photos):
    empty = dict.fromkeys(("suspects", "bad_photos", "groups", "pairs", "points", "curves", "shortcuts"), ())
    (table,) = tabulate_inspection(inspection.model_copy(update=empty), photos)
    assert table[0].startswith("8 photos; heads on the frozen base predict 75.0%")


def test_hundreds_of_findings_do_not_fill_the_screen(inspection, photos):
    many = tuple(Suspect(row=1, suggested=1, score=0.1, neighbours=()) for _ in range(500))
    classes = tuple(f"class {number}" for number in range(300))
    changes = {"suspects": many, "classes": classes, "counts": (9,) * 300, "recalls": (0.5,) * 300}
    tables = tabulate_inspection(inspection.model_copy(update=changes), photos)
    assert "500" in tables[1][0] and sum(len(rows) for _, _, rows in tables) < 50
    assert tables[0][2][-1][0] == "290 further classes"


def test_tables_fit_the_terminal_and_escape_control_characters(inspection, photos):
    for table in tabulate_inspection(inspection, photos):
        text = build_table(*table, 80).plain
        assert max(map(len, text.splitlines())) <= 80 and "\u202e" not in text


def test_gain_has_its_interval_and_sign():
    assert format_gain(0.002, 0.017, 0.009) == "+0.9 (0.2 … 1.7)" and format_gain(-0.01, 0.0, -0.004).startswith("-0.4")


def test_decisions_about_several_labels_are_named(inspection, photos):
    several = [photo.model_copy(update={"labels": (1, 1)}) for photo in photos]
    title, columns, rows = tabulate_inspection(inspection, several)[0]
    assert title.startswith("8 photos") and "75.0% of the labels right" in title and columns[0] == "label"
    # Both suspects are the second label.
    assert [row[-1] for row in rows] == ["0", "2"]
    assert tabulate_inspection(inspection, several)[1][2][0][:2] == [
        f"with {inspection.classes[1]}",
        f"without {inspection.classes[1]}",
    ]
