"""Loads a model from a stranger for the first time: in a child process with limits on its memory and its time.

What a configuration declares can be checked before (`file_bounds`). What Keras makes of it cannot: models that call
each other take exponential time, and shapes multiply. The child loads the model, predicts one photo, and reports.
"""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgetl.core.errors import ConfigError, StageError
from edgetl.core.interrupt import call_when_interrupted, check_interrupt
from edgetl.core.records import ExternalModelInfo
from edgetl.core.storage.files import parse_json
from edgetl.engines.keras.external.file_bounds import check_container
from edgetl.engines.processes.child import make_child_command

RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the child process.

    Attributes:
        memory_bytes: private memory, RLIMIT_DATA. VGG19 needs 5 GB for a batch of 64 photos.
        processor_s: processor time after the imports, of all threads together, RLIMIT_CPU.
        wall_s: duration, imports included, for a child that waits for ever.
    """

    memory_bytes: int = 8 * 1024**3
    processor_s: int = 120
    wall_s: int = 900

    def __str__(self) -> str:
        return f"{self.memory_bytes / 1024**3:g} GiB of memory and {self.processor_s} s of processor time"


def inspect_model(path: Path, limits: Limits | None = None) -> ExternalModelInfo:
    """Load a model file in a child process, and return the size of its input and the number of its outputs.

    Args:
        path: a .keras, .h5 or .hdf5 file.
        limits: limits of the child process; by default 8 GiB and 120 s.

    Raises:
        ConfigError: the file is no model that can be used, or it exceeds a bound or a limit.
        Interrupted: ^C or SIGTERM was received, and the child was killed.
    """
    limits = limits or Limits()
    check_container(path)
    with TemporaryDirectory(prefix="edgetl-inspect-") as work:
        folder = Path(work)
        exit_code = _run_child(path, folder, limits)
        report = read_report(folder)
    check_report(report, exit_code, path, limits)
    return ExternalModelInfo(**report)


def check_report(report: dict[str, Any], exit_code: int, path: Path, limits: Limits) -> None:
    """Check how a child process ended that loaded a model.

    Args:
        report: what it wrote, empty if nothing; "message" and "hint" are why the model cannot be used.
        exit_code: of the child, negative for a signal.
        path: the model file, for messages.
        limits: of the child.

    Raises:
        ConfigError: the model cannot be used, or a limit was exceeded.
        StageError: the child could not start.
    """
    if report.get("out_of_memory"):
        raise _make_limit_error("needs more memory than a model made elsewhere may use", path, limits)
    if "message" in report:
        raise ConfigError(report["message"], where=(path,), hint=report["hint"])
    if report:
        return
    if -exit_code in (signal.SIGXCPU, signal.SIGALRM):
        raise _make_limit_error("takes longer than a model made elsewhere may take", path, limits)
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        raise _make_limit_error(f"ended with {name}, as it does when its memory is used up", path, limits)
    # The reason is in the log: the child could not start.
    raise StageError(f"the process that loads the model ended with exit code {exit_code}", where=(path,))


def read_report(folder: Path) -> dict[str, Any]:
    """Read the report of a child process; empty if it ended without one."""
    result = folder / RESULT
    report: dict[str, Any] = parse_json(result.read_bytes()) if result.is_file() else {}
    return report


def _make_limit_error(problem: str, path: Path, limits: Limits) -> ConfigError:
    return ConfigError(
        f"loading the model {problem}",
        where=(path, f"limit: {limits}"),
        hint="use a smaller model, or one with a smaller input",
    )


def _run_child(path: Path, folder: Path, limits: Limits) -> int:
    return run_limited("edgetl.engines.keras.external", path, folder, limits)


def run_limited(module: str, path: Path, folder: Path, limits: Limits) -> int:
    """Run a module in a child process to its end, and return its exit code, negative for a signal.

    Args:
        module: a module with the command line MODEL FOLDER MEMORY_BYTES PROCESSOR_S WALL_S.
        path: the model file.
        folder: where the child writes its report and its log.
        limits: the limits of the child.

    Raises:
        Interrupted: ^C or SIGTERM was received, and the child was killed.
    """
    command = make_child_command(module, str(path.absolute()), str(folder))
    command += [str(limits.memory_bytes), str(limits.processor_s), str(limits.wall_s)]
    # Without a GPU: the memory of its driver is not that of the model.
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    # Some layers of Keras 2 look up others in TensorFlow, where Keras 3 is without this. Nothing else uses it.
    environment["TF_USE_LEGACY_KERAS"] = "1"
    log = folder / "log.txt"
    with log.open("w", encoding="utf-8") as output:
        # In a process group of its own, the child gets no ^C from the terminal: this process ends it.
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
        )
        try:
            with call_when_interrupted(child.kill):
                exit_code = child.wait()
        except BaseException:
            # The child would continue to its end.
            child.kill()
            child.wait()
            raise
    # Standard error of this process is the log of the run.
    sys.stderr.write(log.read_text(encoding="utf-8", errors="replace"))
    check_interrupt()
    return exit_code
