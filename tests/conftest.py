"""What every test shares: a cache of its own, and the fixtures of tests/fixtures.

Fixtures that take long are made once, also for several workers of pytest-xdist: see `make_once`.
"""

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgetl.core.device import host_latency

# `models` imports `photos`: pytest must import `photos` first, to rewrite its assertions.
pytest_plugins = ("tests.fixtures.photos", "tests.fixtures.models", "tests.fixtures.runs", "tests.fixtures.devices")


def pytest_configure() -> None:
    """Let child processes be interrupted.

    A shell that starts the tests in the background makes them ignore SIGINT, and their children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


# First: xdist reads the groups in this hook too.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of a file run in one worker of pytest-xdist, in which the fixtures of the module are made once.

    The workers would otherwise take turns at the tests of a file. Files that share what takes long, a process with
    Keras 2 or a build by the command line, run in one worker too: another one would make it again, or wait for it.
    """
    files = [item.nodeid.partition("::")[0] for item in items]
    groups = {file: file for file in files}
    for item, file in zip(items, files, strict=True):
        for fixture in ("keras2", "built_by_cli"):
            if fixture in getattr(item, "fixturenames", ()):
                groups[file] = fixture
    for item, file in zip(items, files, strict=True):
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(groups[file]))


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
