"""The run folder of a command or an API call: locked, with a log of what libraries print, and a console on stderr."""

import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory, gettempdir

from edgetl.core.console import Console
from edgetl.core.errors import EdgetlError, InternalError
from edgetl.core.interrupt import announce_with, check_interrupt, is_interrupted, watch_signals
from edgetl.core.machine import check_system
from edgetl.core.run.error_origin import find_library
from edgetl.core.run.run_folder import RunFolder, open_finished_run, open_run
from edgetl.core.screen.output_log import redirect_output
from edgetl.core.storage.cache import locate_cache
from edgetl.core.storage.disk_errors import explain_disk_error
from edgetl.pipeline.context import Context
from edgetl.pipeline.forecast.steps import plan_steps
from edgetl.pipeline.order import Order, load_order
from edgetl.pipeline.pipeline import Pipeline, TargetPipeline


@contextmanager
def open_workspace(out: Path | None, *, quiet: bool, finished: bool = False) -> Iterator[tuple[RunFolder, Console]]:
    """Yield a locked run folder and a console. The output of libraries is written to log.txt in the folder.

    Args:
        out: the run folder; None for a temporary one.
        quiet: whether the console shows warnings and errors only.
        finished: whether the folder is opened to read a finished run. Then it need not be writable, and a build that
            uses it is waited for.

    Raises:
        ConfigError: not on Linux, the folder is in use, or contains other files.
        InternalError: an unexpected exception; its traceback is in the log.
        Interrupted: ^C or SIGTERM was received in the block.
    """
    check_system()
    with ExitStack() as stack:
        # First, so that it ends last: SIGTERM is then sent again where the Python API is used.
        stack.enter_context(watch_signals())
        root = out or Path(stack.enter_context(TemporaryDirectory(prefix="edgetl-")))
        # A warning is shown even when quiet: a command that waits in silence seems to hang.
        wait = Console(quiet=quiet).warn
        run = stack.enter_context(open_finished_run(root, wait) if finished else open_run(root))
        log = run.output / "log.txt"
        # TensorFlow prints to both streams while it works. stdout must contain the result only.
        stream = stack.enter_context(redirect_output(log))
        console = Console(quiet=quiet, stream=stream, logged=True)
        if not quiet:
            stack.enter_context(announce_with(console.say))
        try:
            yield run, console
            check_interrupt()
        except EdgetlError as error:
            if is_interrupted():
                # A signal also ends child processes and what libraries do. That is no error of theirs.
                traceback.print_exc()
                check_interrupt()
            # Printed when the log is closed, by the command.
            console.log_error(error.message, error.where, error.hint)
            # The log of a temporary folder is deleted with it.
            if error.exit_code == 3 and out is not None:
                error.where = (*error.where, f"log: {log}")
            raise
        except OSError as error:
            # Usually a full disk or missing rights, so not a defect of edgetl. The traceback is in the log.
            traceback.print_exc()
            check_interrupt()
            # A write names no file. These are all folders that edgetl writes into.
            folders = (run.output, locate_cache(), Path(gettempdir()))
            raise explain_disk_error(error, folders) from error
        # A defect of edgetl. The traceback must go to the log before the log is closed.
        except Exception as error:
            traceback.print_exc()
            check_interrupt()
            raise (make_internal_error(error, log) if out is not None else make_internal_error(error)) from error


@contextmanager
def open_context(order: Order, out: Path, *, quiet: bool) -> Iterator[Context]:
    """Yield the context of an order in a run folder: see `open_workspace`."""
    with open_workspace(out, quiet=quiet) as (run, console):
        yield Context(order=order, run=run, console=console, plan=plan_steps(order, run.root))


@contextmanager
def reopen(root: Path, target: str, *, makes: frozenset[str], quiet: bool) -> Iterator[TargetPipeline]:
    """Yield the pipeline of a finished run for one of its targets.

    Args:
        root: the run folder. A build that uses it is waited for.
        target: id of the target; "" for the only one.
        makes: the kinds of stages that may be made, as `context.SCORING`. None of them trains.
        quiet: whether the console shows warnings and errors only.

    Raises:
        ConfigError: not a run folder, or it was not built for that target.
    """
    # Before a build is waited for.
    load_order(root).find_target(target)
    with open_workspace(root, quiet=quiet, finished=True) as (run, console):
        # Again: the build that was waited for may have changed it.
        order = load_order(root)
        if run.output != run.root:
            console.say(f"{run.root} cannot be written: results are in {run.output}")
        context = Context(order=order, run=run, console=console, makes=makes)
        yield Pipeline(context).for_target(order.find_target(target))


def make_internal_error(error: BaseException, log: Path | None = None) -> InternalError:
    """Make the error that reports an exception which no code expects, as a defect of edgetl or as a library's failure.

    Without a log, the traceback is written to a new file.
    """
    try:
        place = f"log: {log or _write_log(error)}"
    except OSError as failure:
        # A full disk must not hide the error that is reported.
        place = f"no log: {failure.strerror}"
    # Only the first line: some libraries put a stack into their messages.
    reason = (str(error).strip().splitlines() or [""])[0]
    library = find_library(error)
    return InternalError(
        f"{type(error).__name__}: {reason}",
        where=(place,),
        hint=f"{library} failed where edgetl does not expect it: please report it with the log"
        if library
        else "this is a defect of edgetl: please report it with the log",
    )


def _write_log(error: BaseException) -> Path:
    with NamedTemporaryFile(
        "w", prefix="edgetl-", suffix=".log", delete=False, encoding="utf-8", errors="backslashreplace"
    ) as file:
        traceback.print_exception(error, file=file)
    return Path(file.name)
