"""Results of runs → the store of MLflow that the user has set, as MLflow itself reads it from the environment."""

from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
from mlflow.exceptions import MlflowException

from edgetl.core.errors import StageError, first_line
from edgetl.core.tracking.stored_run import StoredRun, hide_password
from edgetl.core.tracking.tracked_run import TrackedRun

_KEY_TAG = "edgetl.key"
# MLflow stores at most so many parameters and tags with one call. Source: mlflow.utils.validation, MLflow 3.17.
_MOST_IN_BATCH = 100
# MLflow names this variable in the error for a store in files, which it does not develop further.
_FILE_STORE = "MLFLOW_ALLOW_FILE_STORE"


def store_run(tracked: TrackedRun) -> StoredRun:
    """Store a run in the active experiment of MLflow.

    Results that are there already, by their key, are brought up to date: a device may have been measured since. Other
    results are a new run, because MLflow does not allow to change a parameter.

    Raises:
        StageError: MLflow cannot store it.
    """
    with _translate_errors():
        found = mlflow.search_runs(
            filter_string=f"tags.`{_KEY_TAG}` = '{tracked.key}'", output_format="list", max_results=1
        )
        identity = {"run_id": found[0].info.run_id} if found else {"run_name": tracked.name}
        with mlflow.start_run(**identity) as run:
            _store_values(tracked, found[0].data.metrics if found else None)
            for path in tracked.files:
                mlflow.log_artifact(str(path))
            for name, text in tracked.texts.items():
                mlflow.log_text(text, name)
            # Last: a run that was not stored completely is not taken for one that was.
            mlflow.set_tag(_KEY_TAG, tracked.key)
        return StoredRun(
            store=hide_password(mlflow.get_tracking_uri()),
            experiment=run.info.experiment_id,
            run_id=run.info.run_id,
            name=run.info.run_name,
            updated=bool(found),
        )


def _store_values(tracked: TrackedRun, before: dict[str, float] | None) -> None:
    """Store tags, parameters and metrics. Of a run that was there before, the metrics that are not the same."""
    for batch in _divide(tracked.tags):
        mlflow.set_tags(batch)
    known = before or {}
    mlflow.log_metrics({name: value for name, value in tracked.metrics.items() if known.get(name) != value})
    if before is not None:
        return
    # Only once: a parameter cannot be changed, the user may have changed the description, and a point of a curve
    # would be shown twice.
    mlflow.set_tag("mlflow.note.content", tracked.description)
    for batch in _divide(tracked.parameters):
        mlflow.log_params(batch)
    for number, metrics in tracked.epochs.items():
        mlflow.log_metrics(metrics, step=number)


def _divide(values: dict[str, str]) -> Iterator[dict[str, str]]:
    rows = list(values.items())
    for start in range(0, len(rows), _MOST_IN_BATCH):
        yield dict(rows[start : start + _MOST_IN_BATCH])


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    # MLflow wraps the errors of its stores and of its connections.
    except MlflowException as error:
        address = mlflow.get_tracking_uri()
        store = hide_password(address)
        hint = "MLFLOW_TRACKING_URI sets the store: is it the right one, and does its server run?"
        if _FILE_STORE in str(error):
            hint = (
                f"export {_FILE_STORE}=true to go on with a store in files, or MLFLOW_TRACKING_URI=sqlite:///mlflow.db "
                "for one in a database"
            )
        message = first_line(error).replace(address, store)
        raise StageError(f"MLflow did not store the results: {message}", where=(store,), hint=hint) from error
