"""Results in a store of MLflow, in files and in a database: stored once, and brought up to date."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from edgetl.core.errors import StageError
from edgetl.core.tracking.tracked_run import make_tracked_run
from tests.fixtures.reports import make_report

pytestmark = [
    pytest.mark.skipif(find_spec("mlflow") is None, reason="MLflow is not installed: pip install 'edgetl[mlflow]'"),
    # MLflow and the libraries of its stores use what newer versions of others deprecate.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def store_run(tracked):
    # MLflow may be absent.
    from edgetl.engines.mlflow_store import store_run

    return store_run(tracked)


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    """MLflow with a store in files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    import mlflow

    return mlflow


@pytest.fixture
def tracked(tmp_path):
    page = tmp_path / "report.html"
    page.write_text("first", encoding="utf-8")
    run, target = make_report()
    return make_tracked_run(run, target, {"phase1": {"epochs": 3}}, {"photos": ""}, (page,))


def list_files(mlflow, run_id):
    return {file.path for file in mlflow.MlflowClient().list_artifacts(run_id)}


def test_run_is_stored_with_all_that_is_known(mlflow, tracked):
    stored = store_run(tracked)
    run = mlflow.get_run(stored.run_id)
    assert run.info.status == "FINISHED" and run.info.run_name == stored.name == "run" and not stored.updated
    assert tracked.metrics.items() <= run.data.metrics.items()
    assert run.data.params == tracked.parameters and tracked.tags.items() <= run.data.tags.items()
    assert run.data.tags["mlflow.note.content"] == tracked.description
    assert list_files(mlflow, stored.run_id) == {"report.html", "ledger.json", "verdict.json"}
    losses = mlflow.MlflowClient().get_metric_history(stored.run_id, "training.loss")
    assert [(point.step, point.value) for point in losses] == [(number, 1 / number) for number in range(1, 6)]


def test_same_results_are_brought_up_to_date(mlflow, tracked):
    first = store_run(tracked)
    mlflow.MlflowClient().set_tag(first.run_id, "mlflow.note.content", "mine")
    tracked.files[0].write_text("second", encoding="utf-8")
    second = store_run(
        replace(tracked, metrics={**tracked.metrics, "device.pi.ms": 12.0}, parameters={"photos": "new"})
    )
    assert second == replace(first, updated=True)
    run = mlflow.get_run(first.run_id)
    assert run.data.metrics["device.pi.ms"] == 12 and run.data.params == tracked.parameters
    assert run.data.tags["mlflow.note.content"] == "mine"
    client = mlflow.MlflowClient()
    # A value that is the same is no second point of a curve.
    assert len(client.get_metric_history(first.run_id, "test.accuracy")) == 1
    assert len(client.get_metric_history(first.run_id, "training.loss")) == 5
    path = mlflow.artifacts.download_artifacts(run_id=first.run_id, artifact_path="report.html")
    assert Path(path).read_text(encoding="utf-8") == "second"


def test_other_results_are_a_run_of_their_own(mlflow, tracked):
    first, second = store_run(tracked), store_run(replace(tracked, key="other"))
    assert first.run_id != second.run_id and not second.updated


def test_run_that_was_deleted_is_stored_again(mlflow, tracked):
    first = store_run(tracked)
    mlflow.delete_run(first.run_id)
    assert store_run(tracked).run_id != first.run_id


def test_run_that_was_not_stored_completely_is_not_taken_for_one(mlflow, tracked):
    with pytest.raises((StageError, OSError)):
        store_run(replace(tracked, files=(tracked.files[0].with_name("absent"),)))
    stored = store_run(tracked)
    assert not stored.updated and mlflow.get_run(stored.run_id).data.params == tracked.parameters


def test_experiment_is_that_of_the_environment(mlflow, tracked, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "flowers")
    stored = store_run(tracked)
    assert mlflow.get_experiment(stored.experiment).name == "flowers"
    assert store_run(tracked).run_id == stored.run_id


def test_many_parameters_are_stored_in_batches(mlflow, tracked):
    many = {f"t.{number}": "x" for number in range(230)}
    stored = store_run(replace(tracked, parameters=many))
    assert mlflow.get_run(stored.run_id).data.params == many


def test_store_in_files_that_mlflow_refuses_is_an_error_with_both_ways_out(mlflow, tracked, monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "another").as_uri())
    with pytest.raises(StageError, match="MLflow did not store the results") as error:
        store_run(tracked)
    assert "MLFLOW_ALLOW_FILE_STORE=true" in error.value.hint and "sqlite" in error.value.hint


def test_server_that_does_not_run_is_an_error(mlflow, tracked, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with pytest.raises(StageError) as error:
        store_run(tracked)
    assert error.value.where == ("http://127.0.0.1:9",) and "secret" not in str(error.value)
    assert "does its server run" in error.value.hint


@pytest.mark.slow
def test_default_store_is_a_database_in_the_current_folder(mlflow, tracked, monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    stored = store_run(tracked)
    assert stored.store.startswith("sqlite:") and (tmp_path / "mlflow.db").is_file()
    assert store_run(tracked) == replace(stored, updated=True)
