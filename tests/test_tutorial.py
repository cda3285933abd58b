"""docs/tutorial.ipynb runs from its first cell to its last."""

import json
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"


def test_notebook_is_stored_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")


def test_notebook_runs(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [output for cell in code for output in cell.outputs]
    tables = [html for output in shown if "verdict on" in (html := output.get("data", {}).get("text/html", ""))]
    assert len(tables) == 1 and "ledger" in tables[0]
    text = "".join(output.get("text", "") for output in shown)
    assert "unknown option 'alhpa'" in text and "did you mean alpha?" in text
