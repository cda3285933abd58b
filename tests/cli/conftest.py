"""Copies of the shared run to use commands on."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.text import Text

from edgetl.core import console
from edgetl.pipeline.build import Built


@pytest.fixture
def run_folder(built: Built, tmp_path: Path) -> Path:
    """A copy of the shared run."""
    return Path(shutil.copytree(built.run, tmp_path / "copied"))


@pytest.fixture
def run_folder_both(built_both: Built, tmp_path: Path) -> Path:
    """A copy of the shared run for TFLite and ONNX."""
    return Path(shutil.copytree(built_both.run, tmp_path / "both"))


@pytest.fixture
def check_tables(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that checks all tables printed so far on a terminal of 80 columns, and how many there are.

    No line is longer than the terminal, and no word of at most 34 cells is broken.
    """
    printed: list[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = []
    build = console.build_table

    def record(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Text:
        printed.append((title, columns, rows))
        return build(title, columns, rows, width)

    def check(count: int) -> None:
        titles = {title for title, _, _ in printed}
        assert len(titles) >= count, titles
        for title, columns, rows in printed:
            text = build(title, columns, rows, 80).plain
            too_long = [line for line in text.splitlines() if cell_len(line) > 80]
            assert not too_long, text
            # Every column of every row may be wrapped, so its words are compared, and not its lines.
            words = [
                word for cell in (title, *columns, *(cell for row in rows for cell in row)) for word in cell.split()
            ]
            broken = [word for word in words if cell_len(word) <= 34 and word not in text.split()]
            assert not broken, (broken, text)

    monkeypatch.setattr(console, "build_table", record)
    return check
