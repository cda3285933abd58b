"""Tables of measured results: rendering, markers, and that the documentation is up to date."""

import json
import sys
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError
from tools import results_tables
from tools.results_files import RESULTS, Results
from tools.tables import accuracy, bases, speed

PAGES = [results_tables.ROOT / "README.md", *sorted((results_tables.ROOT / "docs").rglob("*.md"))]
HEADER = {"machine": "A, 2 cores", "date": "2026-11-24", "command": "python tools/measure_bench.py RUN"}


def split_rows(table: str) -> list[list[str]]:
    """Return the cells of each row, without the columns and the line below them."""
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def wrap(name: str, content: str) -> str:
    """Return text between the markers of a table."""
    return f"# Title\n\n<!-- table:{name}:begin -->\n{content}<!-- table:{name}:end -->\n\nMore.\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project folder with a README and one page below docs/."""
    (tmp_path / "docs" / "more").mkdir(parents=True)
    (tmp_path / "README.md").write_text("# No table\n", encoding="utf-8")
    (tmp_path / "docs" / "more" / "bench.md").write_text(wrap("bench", "outdated\n"), encoding="utf-8")
    monkeypatch.setattr(results_tables, "ROOT", tmp_path)
    return tmp_path


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the script and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["results_tables.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        results_tables.main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("name", results_tables.TABLES)
def test_every_table_has_full_rows_and_its_source(name):
    table = results_tables.render(name)
    columns = table.splitlines()[0].count("|")
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) > 2 and {line.count("|") for line in rows} == {columns}
    for file in results_tables.TABLES[name].files:
        header = json.loads((RESULTS / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()[0])
        assert f"Measured on {header['machine']}, {header['date']}: `{header['command']}`" in table


def test_every_results_file_belongs_to_a_table():
    files = {file for table in results_tables.TABLES.values() for file in table.files}
    assert {path.stem for path in RESULTS.glob("*.jsonl")} == files


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documentation_contains_the_current_tables(page):
    text = page.read_text(encoding="utf-8")
    assert results_tables.update(text) == text, "out of date: run python tools/results_tables.py"


def test_update_replaces_only_the_text_between_markers():
    updated = results_tables.update(wrap("bench", "outdated\n"))
    assert updated == wrap("bench", f"\n{results_tables.render('bench')}\n")
    assert results_tables.update(updated) == updated


def test_update_renders_several_tables_of_one_page():
    updated = results_tables.update(wrap("bench", "") + wrap("scale", ""))
    assert results_tables.render("bench") in updated and results_tables.render("scale") in updated
    assert updated.count("More.") == 2


def test_text_without_markers_is_not_changed():
    text = "Write `<!-- table:bench:begin -->` on a line of its own.\n"
    assert results_tables.update(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "<!-- table:bench:begin -->\n",
        "<!-- table:bench:end -->\n",
        "<!-- table:bench:begin -->\n<!-- table:scale:end -->\n",
        "<!-- table:bench:end -->\n<!-- table:bench:begin -->\n",
        "<!-- table:bench:begin -->\n<!-- table:scale:begin -->\n<!-- table:bench:end -->\n<!-- table:scale:end -->\n",
    ],
)
def test_marker_without_its_counterpart_is_an_error(text):
    with pytest.raises(ConfigError, match="has no matching begin or end"):
        results_tables.update(text)


def test_unknown_table_is_an_error_with_similar_names():
    with pytest.raises(ConfigError, match="unknown table 'benhc'") as caught:
        results_tables.update(wrap("benhc", ""))
    assert caught.value.hint is not None and "bench" in caught.value.hint


def test_check_reports_an_outdated_page_and_changes_nothing(project, monkeypatch, capsys):
    page = project / "docs" / "more" / "bench.md"
    assert run_main(monkeypatch, "--check") == 1
    assert "docs/more/bench.md: out of date" in capsys.readouterr().out
    assert "outdated" in page.read_text(encoding="utf-8")


def test_main_updates_pages_and_check_accepts_them(project, monkeypatch, capsys):
    assert run_main(monkeypatch) == 0
    assert capsys.readouterr().out == "docs/more/bench.md: updated\n"
    assert results_tables.render("bench") in (project / "docs" / "more" / "bench.md").read_text(encoding="utf-8")
    assert run_main(monkeypatch, "--check") == 0
    assert (project / "README.md").read_text(encoding="utf-8") == "# No table\n"


def test_error_names_the_page(project, monkeypatch):
    (project / "README.md").write_text(wrap("none", ""), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["results_tables.py"])
    with pytest.raises(ConfigError) as caught:
        results_tables.main()
    assert str(project / "README.md") in caught.value.where


def test_methods_show_points_bounds_and_units():
    row = {"method": "int8", "chosen": True, "accuracy": 0.93, "drop": 0.0019, "drop_low": -0.0087}
    row |= {"drop_high": 0.013, "broke": 5, "fixed": 4, "size_bytes": 633_400, "latency_ms": 1.8}
    unchosen = {**row, "method": "float32", "chosen": False, "drop": 0.0, "size_bytes": 8_900_000, "latency_ms": 112.4}
    assert split_rows(accuracy.render_methods(Results(HEADER, [row, unchosen]))) == [
        ["**int8** (chosen)", "0.9300", "+0.19", "-0.87 … +1.30", "5 / 4", "633 kB", "1.80"],
        ["float32", "0.9300", "0.00", "-0.87 … +1.30", "5 / 4", "8.90 MB", "112"],
    ]


def test_transfer_has_a_column_for_each_start_and_empty_cells():
    rows = [
        {"photos": "digits", "epochs": 15, "start": "imagenet", "accuracy": 0.98, "accuracy_deviation": 0.003},
        {"photos": "digits", "epochs": 15, "start": "random", "accuracy": 0.865, "accuracy_deviation": 0.021},
    ]
    table = accuracy.render_transfer(Results(HEADER, rows))
    assert split_rows(table) == [["digits, 15", "0.865 ± 0.021", "", "0.980 ± 0.003"]]


def test_bases_number_each_reason_once_and_name_unusual_trainings():
    common = {"epochs": 4, "format": "tflite", "training_s": 29.0, "keras_accuracy": 0.9}
    judged = {**common, "drop": 0.0085, "outcome": "UNDECIDED", "size_bytes": 3_500_000, "seconds": 5.6}
    failed = {"epochs": 4, "format": "tflite", "training_s": 29.0, "failed": "not supported\nmore"}
    rows = [
        {"base": "mobilenet", "method": "int8", **judged},
        {"base": "mobilenet", "method": "float32", **judged, "epochs": 8},
        {"base": "mobilenet", "method": "float16", **judged},
        {"base": "mobilenet", "method": "int16x8", **failed},
        {"base": "mobilenet", "method": "qat8", **failed},
    ]
    table = bases.render_tflite(Results(HEADER, rows))
    assert split_rows(table) == [
        [
            "mobilenet, 32 px",
            "4 epochs, 29 s, 0.900",
            "~ +0.85, 3.50 MB, 6 s, 8 epochs",
            "~ +0.85, 3.50 MB, 6 s",
            "",
            "~ +0.85, 3.50 MB, 6 s",
            "✗ (1)",
            "✗ (1)",
        ]
    ]
    assert table.endswith("\n\n1. not supported\n")


def test_scale_leaves_cells_empty_that_were_not_measured():
    rows = [{"photos": 100_000, "seconds": 239.2, "rounds": 1}]
    rows.append({"photos": 1000, "seconds": 7.31, "rounds": 3, "cache_bytes": 9_000_000_000})
    assert split_rows(speed.render_scale(Results(HEADER, rows))) == [
        ["100 000", "239 s", "", "", "", "one round"],
        ["1 000", "7.3 s", "", "", "9.00 GB", "median of 3"],
    ]


def test_ledger_shows_the_change_of_each_hop_and_in_all():
    table = results_tables.render("ledger")
    assert "| change, points | in all, points |" in table
    cells = split_rows(table)
    accuracies = [float(row[1]) for row in cells]
    assert cells[0][2:4] == ["", ""]
    for row, before, after in zip(cells[1:], accuracies, accuracies[1:], strict=False):
        assert float(row[2]) == pytest.approx(100 * (after - before), abs=0.006)
        assert float(row[3]) == pytest.approx(100 * (after - accuracies[0]), abs=0.006)
