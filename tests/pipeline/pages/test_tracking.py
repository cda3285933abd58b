"""--log gives the results of a finished run to a tool, or says what is missing."""

import pytest

from edgetl.core.errors import ConfigError, MissingPackage
from edgetl.core.tracking.stored_run import StoredRun
from edgetl.pipeline import stages
from edgetl.pipeline.pages import tracking
from edgetl.pipeline.pages.tracking import check_tool, log_results


@pytest.fixture
def stored(monkeypatch):
    """The runs that a store in place of MLflow has got."""
    rows = []

    def store_run(tracked):
        rows.append(tracked)
        return StoredRun(store="here", experiment="0", run_id=str(len(rows)), name=tracked.name, updated=False)

    monkeypatch.setattr(stages.mlflow_store, "store_run", store_run, raising=False)
    monkeypatch.setattr(tracking, "find_spec", lambda name: object())
    return rows


def test_results_of_a_run_are_stored_with_its_files(context, stored):
    (row,) = log_results(context, "mlflow")
    (tracked,) = stored
    assert row.run_id == "1" and tracked.name == context.run.root.name
    assert {path.name for path in tracked.files} == {"report.html", "methods.svg", "recipe.toml"}
    recipe = context.order.recipe
    assert tracked.parameters["base.side_px"] == str(recipe.base.side_px)
    assert tracked.parameters["photos"] == str(context.order.photos) and "test" not in tracked.parameters
    assert tracked.epochs and tracked.metrics["file.bytes"] > 0


def test_without_a_tool_nothing_is_read(context, stored):
    assert log_results(context, "") == () and stored == []


def test_misspelled_tool_is_an_error_with_the_right_name():
    with pytest.raises(ConfigError, match="unknown tool for --log 'mlfow'") as error:
        check_tool("mlfow")
    assert error.value.hint == "did you mean mlflow?"


def test_missing_packages_are_named_with_the_extra_that_installs_them(monkeypatch):
    monkeypatch.setattr(tracking, "find_spec", lambda name: None if name != "mlflow" else object())
    with pytest.raises(MissingPackage, match="not installed: sqlalchemy, alembic") as error:
        check_tool("mlflow")
    assert error.value.hint == "pip install 'edgetl[mlflow]'"
