"""docs/tutorial.ipynb runs from its first cell to its last."""

import ast
import inspect
import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import edgetl

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"


def test_notebook_is_stored_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")


def test_functions_and_options_of_the_notebook_exist():
    """All but the option that it misspells on purpose."""
    cells = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    names = [call for cell in cells for call in ast.walk(ast.parse(cell)) if isinstance(call, ast.Call)]
    calls = [
        call for call in names if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "edgetl"
    ]
    assert len(calls) > 2
    unknown = [
        keyword.arg
        for call in calls
        for keyword in call.keywords
        if keyword.arg not in inspect.signature(getattr(edgetl, call.func.attr)).parameters
    ]
    assert unknown == ["alhpa"]


@pytest.mark.slow
def test_notebook_runs(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [output for cell in code for output in cell.outputs]
    tables = [html for output in shown if "verdict on" in (html := output.get("data", {}).get("text/html", ""))]
    assert len(tables) == 1 and "ledger" in tables[0]
    text = "".join(output.get("text", "") for output in shown)
    assert "unknown option 'alhpa'" in text and "did you mean alpha?" in text
