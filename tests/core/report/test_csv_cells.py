"""Cells of CSV files that spreadsheets must not take for formulas."""

import csv
import io

import pytest

from edgetl.core.report.csv_cells import guard_path, guard_text, quote_cell


@pytest.mark.parametrize("cell", ["plain", 'a "quoted" word', "a;b,c\td", "", "=1+1"])
def test_quoted_cell_is_one_cell(cell):
    (row,) = list(csv.reader(io.StringIO(f"{quote_cell(cell)},x")))
    assert row == [cell.replace("\t", "\\t"), "x"]


@pytest.mark.parametrize("mark", "=+-@")
def test_text_that_begins_as_a_formula_is_guarded(mark):
    assert guard_path(f"{mark}a.jpg") == f"./{mark}a.jpg" and guard_text(f"{mark}a") == f"'{mark}a"
    assert guard_path(f"a{mark}") == f"a{mark}" and guard_text(f"a{mark}") == f"a{mark}"


def test_line_break_is_escaped():
    assert quote_cell("a\nb") == '"a\\nb"'
