"""What every test shares: a cache of its own, and the fixtures of tests/fixtures.

Fixtures that take long are made once, also for several workers of pytest-xdist: see `make_once`.
"""

import fcntl
import gc
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from edgetl.core.device import host_latency
from edgetl.engines.processes.optional_imports import skip_optional_imports

# `models` imports `photos`: pytest must import `photos` first, to rewrite its assertions.
pytest_plugins = (
    "tests.fixtures.photos",
    "tests.fixtures.models",
    "tests.fixtures.runs",
    "tests.fixtures.devices",
    "tests.fixtures.browser_runtime",
)


def pytest_configure() -> None:
    """Let child processes be interrupted, and TensorFlow be imported in half the time; collect garbage less often.

    A shell that starts the tests in the background makes them ignore SIGINT, and their children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # As the program does.
    skip_optional_imports()
    # With the modules of TensorFlow and 9000 tests in memory, looking for garbage would take a quarter of the time.
    gc.set_threshold(100_000, 20, 20)


def pytest_collection_finish() -> None:
    """Leave modules and tests out of the garbage collection: they stay to the end."""
    gc.collect()
    gc.freeze()


# Files and folders that share what takes long: an emulated board, a process with Keras 2, a build by the command line.
# Each row runs in one worker. In two, it would be made twice, or one would wait while the other makes it.
_TOGETHER = {
    "emulated boards": ("tests/device/",),
    "Keras 2": ("tests/engines/tfmot/", "tests/engines/keras2/", "tests/engines/keras/from_keras2/"),
    "command line": ("tests/cli/test_verbs.py", "tests/cli/test_app.py", "tests/pipeline/test_build.py"),
}
# What takes longest begins first, so that no worker runs alone at the end. The first row makes the shared run, which
# the second does without. When another file needs it, it is there.
_FIRST = (
    *("command line", "Keras 2", "tests/engines/keras/test_two_phase.py", "tests/engines/keras/test_build.py"),
    *("emulated boards", "tests/stages/test_retrain.py", "tests/stages/test_convert.py", "tests/stages/test_train.py"),
    *("tests/pipeline/test_model.py", "tests/pipeline/cross_fit/test_procedure.py"),
)


class FileScheduling(LoadFileScheduling):
    """The tests of a file run in one worker of pytest-xdist, in which the fixtures of its module are made once.

    Not by the marker xdist_group: pytest-xdist 3.8 appends the group to an attribute that pytest 9.2 no longer has.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((name for name, starts in _TOGETHER.items() if file.startswith(starts)), file)

    def _assign_work_unit(self, node: Any) -> None:
        # The others are ordered by their number of tests.
        first = next((name for name in _FIRST if name in self.workqueue), None)
        if first:
            self.workqueue.move_to_end(first, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    """Return the scheduler for the option --dist of tools/test and every other one."""
    return FileScheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def short_rounds() -> Iterator[None]:
    """Latencies of tests are measured in rounds of 1 ms: nobody reads them, and each takes a third of a second else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host_latency, "_ROUND_S", 0.001)
        yield


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache of edgetl for all tests of this process, away from that of the user."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(root))
        yield root


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Return a function that fills a folder once for all workers: name and filling function → folder.

    The folder has the same path in all workers. No test writes into it.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each worker has a folder of its own in the folder of the test run.
        root = root.parent
    (root / "once").mkdir(exist_ok=True)

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        folder, complete = root / "once" / name, root / "once" / f"{name}.complete"
        with (root / "once" / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not complete.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                complete.touch()
        return folder

    return make
