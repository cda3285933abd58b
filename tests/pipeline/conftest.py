"""Parts of the pipeline that are prepared instead of computed, and stage functions whose calls are recorded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgetl.core.console import Console
from edgetl.core.records import Dataset, InputSpec, Trained
from edgetl.core.run.run_folder import open_run
from edgetl.pipeline import stages
from edgetl.pipeline.build import Built
from edgetl.pipeline.context import Context
from edgetl.pipeline.order import Order


@pytest.fixture
def empty_context(plain_order: Order, tmp_path: Path) -> Iterator[Context]:
    """The context of the plain order in an empty run folder."""
    with open_run(tmp_path / "empty") as run:
        yield Context(order=plain_order, run=run, console=Console(quiet=True))


@dataclass(frozen=True)
class PreparedModel:
    """In place of `pipeline.model.Model`: its records are given instead of made."""

    dataset: Dataset
    input_spec: InputSpec
    trained: Trained
    foreign: tuple[str, ...] = ()


@pytest.fixture
def prepare_model(built: Built, shared_dataset: Dataset) -> Callable[..., PreparedModel]:
    """Return the model of the shared run, with other classes or photos in its records."""

    def prepare(*, dataset: dict[str, Any] | None = None, trained: dict[str, Any] | None = None) -> PreparedModel:
        return PreparedModel(
            dataset=shared_dataset.model_copy(update=dataset or {}),
            input_spec=built.trained.input,
            trained=built.trained.model_copy(update=trained or {}),
        )

    return prepare


@pytest.fixture
def watch_stage(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Any, ...]]]:
    """Return a function that records the calls of a stage function, and may replace it.

    The recorded calls are tuples of arguments, without the workspace. The name is as in "score.score_artifact".
    """

    def watch(name: str, replacement: Callable[..., Any] | None = None) -> list[tuple[Any, ...]]:
        module_name, _, function_name = name.partition(".")
        module = getattr(stages, module_name)
        original = getattr(module, function_name)
        calls: list[tuple[Any, ...]] = []

        def record(work: Any, *arguments: Any) -> Any:
            calls.append(arguments)
            return (replacement or original)(work, *arguments)

        # The fingerprint of the stage covers both.
        record.__module__, record.__name__ = original.__module__, original.__name__
        monkeypatch.setattr(module, function_name, record)
        return calls

    return watch
