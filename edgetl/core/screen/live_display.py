"""The lines at the bottom of a terminal while something runs: the overall line, and the innermost running task."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from edgetl.core.screen.progress_line import ASCII, UNICODE, Task, draw_task
from edgetl.core.screen.step_plan import StepPlan

_REFRESHES_PER_S = 8


class LiveDisplay:
    """Draws running tasks in place, below the lines that are printed meanwhile.

    It draws on terminals that can move the cursor, and in notebooks with ipywidgets. Elsewhere it draws nothing.

    Args:
        terminal: where to draw. All lines of the program must be printed through it.
        clock: seconds that never go back.
    """

    def __init__(self, terminal: RichConsole, clock: Callable[[], float] = time.monotonic) -> None:
        self.active = can_redraw(terminal)
        self._terminal = terminal
        self._clock = clock
        self._plan: StepPlan | None = None
        self._tasks: list[Task] = []
        # Threads advance tasks while another thread draws them.
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._blocks = 0
        # Of its own: rich joins its thread, which waits for the other lock, when the drawing ends.
        self._live_lock = threading.Lock()

    @contextmanager
    def show_plan(self, plan: StepPlan) -> Iterator[None]:
        """Show the overall line of a plan during the block."""
        self._plan = plan
        try:
            with self._keep_drawing():
                yield
        finally:
            self._plan = None

    @contextmanager
    def show_task(self, task: Task) -> Iterator[None]:
        """Show a task during the block. Of several, the one that began last is shown."""
        with self._lock:
            self._tasks.append(task)
        try:
            with self._keep_drawing():
                yield
        finally:
            with self._lock:
                self._tasks.remove(task)

    def advance(self, task: Task, count: int, note: str | None = None) -> None:
        """Count finished units of a task, and replace its note if there is one."""
        with self._lock:
            task.advance(count, self._clock())
            if note is not None:
                task.note = note

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        """Draw the lines."""
        symbols = ASCII if options.ascii_only else UNICODE
        # Some terminals wrap a line that fills the last column.
        width = options.max_width - 1
        with self._lock:
            now_s, task = self._clock(), self._tasks[-1] if self._tasks else None
            lines = []
            if self._plan is not None:
                lines.append(self._draw_plan(self._plan, now_s, width))
            if task is not None:
                lines.append(draw_task(task, now_s, width, symbols))
        yield Text("\n").join(lines)

    def _draw_plan(self, plan: StepPlan, now_s: float, width: int) -> Text:
        # The tasks of a step end before it. So the rest of a step whose own duration is unknown is at least that of its
        # tasks.
        left_s = [task.estimate_left_s(now_s) for task in self._tasks]
        known_s = [seconds for seconds in left_s if seconds is not None]
        complete = bool(left_s) and left_s[0] is not None
        text = Text(plan.describe(max(known_s, default=None), complete=complete), style="bold", no_wrap=True)
        text.truncate(width)
        return text

    @contextmanager
    def _keep_drawing(self) -> Iterator[None]:
        """Draw several times a second during the block. Inner blocks and other threads use the same drawing."""
        if not self.active:
            yield
            return
        with self._live_lock:
            self._blocks += 1
            if self._live is None:
                self._live = self._start_drawing()
        try:
            yield
        finally:
            with self._live_lock:
                self._blocks -= 1
                live = self._live
                if not self._blocks and live is not None:
                    self._live = None
                    live.stop()

    def _start_drawing(self) -> Live:
        # rich must not replace sys.stderr: what libraries print to it would appear on the terminal, not in the log.
        live = Live(
            self,
            console=self._terminal,
            transient=True,
            refresh_per_second=_REFRESHES_PER_S,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        live.start()
        return live


def can_redraw(terminal: RichConsole) -> bool:
    """Return whether lines can be redrawn in place: on a terminal that is not dumb, or in a notebook with ipywidgets.

    Without ipywidgets, rich would print a new line for every change.
    """
    if terminal.is_jupyter:
        return find_spec("ipywidgets") is not None
    return terminal.is_terminal and not terminal.is_dumb_terminal
