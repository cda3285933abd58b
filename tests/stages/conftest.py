"""Workspaces for stages, and a small model to convert."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgetl.core.console import Console
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import Dataset, InputSpec, SourceModel, Trained
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file

INPUT_SPEC = InputSpec(height_px=32, width_px=32, fit="crop")


class CountingConsole(Console):
    """A quiet console that counts the progress of each bar: title → [total, advanced]."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.bars: dict[str, list[int]] = {}

    @contextmanager
    def bar(self, title: str, total: int, unit: str) -> Iterator[Any]:
        count = self.bars.setdefault(title, [total, 0])

        def advance(steps: int = 1, note: str | None = None) -> None:
            count[1] += steps

        yield SimpleNamespace(advance=advance)


@pytest.fixture
def counting_console() -> CountingConsole:
    """A console that counts the progress of its bars."""
    return CountingConsole()


@pytest.fixture
def make_work(tmp_path: Path) -> Callable[..., Workspace]:
    """Return a function that makes a workspace in an empty folder, by default with a quiet console."""
    numbers = itertools.count()

    def make(console: Console | None = None) -> Workspace:
        folder = tmp_path / f"work-{next(numbers)}"
        folder.mkdir()
        return Workspace(folder, console or Console(quiet=True))

    return make


@pytest.fixture
def work(make_work: Callable[..., Workspace]) -> Workspace:
    """A workspace with a quiet console."""
    return make_work()


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the tasks of the child process in this one, where a test can replace functions."""
    from edgetl.engines.conversion import conversions
    from edgetl.engines.conversion.__main__ import report_task
    from edgetl.engines.conversion.tasks import ConversionTask
    from edgetl.engines.conversion.worker import read_message

    def run(task: dict[str, Any], advance: Callable[[int], None] = lambda _: None) -> Any:
        return read_message(*report_task(ConversionTask.model_validate(task), advance))

    monkeypatch.setattr(conversions.WORKER, "run", run)


@pytest.fixture(scope="session")
def small_trained(small_model: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The record of the small model. Fields that no converter reads are missing."""
    from edgetl.engines.keras import model as keras_model

    path = tmp_path_factory.mktemp("small") / "model.keras"
    keras_model.save_model(small_model(), path)
    return Trained.model_construct(path=path, sha256="t" * 64, input=INPUT_SPEC, classes=("a", "b", "c"))


@pytest.fixture(scope="session")
def small_source(small_trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SourceModel]:
    """Return a function: name of a format → the file that conversions of the small model to it start from."""
    from edgetl.engines.backends import BACKENDS

    sources: dict[str, SourceModel] = {}

    def prepare(format_name: str) -> SourceModel:
        if format_name not in sources:
            path = BACKENDS[format_name].prepare(small_trained.path, tmp_path_factory.mktemp(format_name))
            sources[format_name] = SourceModel(path=path, sha256=hash_file(path))
        return sources[format_name]

    return prepare


@pytest.fixture(scope="session")
def scored_photos(shared_dataset: Dataset) -> PhotoSet:
    """Twenty test photos of the shared run."""
    return PhotoSet(part="test", photos=shared_dataset.test[:20], input_spec=INPUT_SPEC)
