"""A task with its progress → one line of a terminal: title, bar, count and time left.

A narrow line loses its unit first, then the end of its title, the note, the bar and the count. The time left stays.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from edgetl.core.screen.printable import escape_controls

# Speed is computed from the progress of this time, because the first step of a training takes ten times as long as the
# others, and another program may take the processor for a while.
_SPEED_WINDOW_S = 30.0
_WIDEST_BAR, _USUAL_BAR, _NARROWEST_BAR = 28, 12, 6
_SHORT_TITLE, _SHORTEST_TITLE = 16, 4
# A block of this share of a bar moves through it where no end is known.
_BLOCK_SHARE = 0.25
_BLOCK_CELLS_PER_S = 8.0


@dataclass(frozen=True, slots=True)
class Symbols:
    """Characters of a line: spinner, full and empty cell of a bar, dots for what is left out."""

    spinner: str
    full: str
    empty: str
    ellipsis: str


UNICODE = Symbols("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "━", "─", "…")
ASCII = Symbols("|/-\\", "#", "-", ".")


@dataclass(slots=True)
class Task:
    """A running task.

    Attributes:
        title: name of the task.
        start_s: when it began, seconds of a monotonic clock.
        total: number of units, 0 where nothing is counted.
        unit: what is counted, such as "photos".
        expected_s: duration of an earlier run, 0 where none is known.
        done: number of finished units.
        note: text beside the bar, such as "loss 0.31".
    """

    title: str
    start_s: float
    total: int = 0
    unit: str = ""
    expected_s: float = 0.0
    done: int = 0
    note: str = ""
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def advance(self, count: int, now_s: float) -> None:
        """Count finished units."""
        if not self._samples:
            self._samples.append((self.start_s, 0))
        self.done += count
        self._samples.append((now_s, self.done))
        # The first of the window is kept: the speed is a difference.
        while len(self._samples) > 2 and self._samples[1][0] < now_s - _SPEED_WINDOW_S:
            self._samples.popleft()

    def estimate_left_s(self, now_s: float) -> float | None:
        """Estimate the seconds to the end of the task, from its own speed or its earlier duration; None if unknown."""
        if self.total and self.done:
            (first_s, first), (last_s, last) = self._samples[0], self._samples[-1]
            seconds_per_unit = (last_s - first_s) / (last - first) if last > first else 0.0
            return max(0.0, (self.total - self.done) * seconds_per_unit - (now_s - last_s))
        left_s = self.expected_s - (now_s - self.start_s)
        return left_s if left_s > 0 else None

    def compute_share(self, now_s: float) -> float | None:
        """Compute the finished share of the task, 0..1; None if unknown."""
        if self.total and self.done:
            return min(1.0, self.done / self.total)
        left_s = self.estimate_left_s(now_s)
        return None if left_s is None else 1 - left_s / self.expected_s


def format_duration(seconds: float) -> str:
    """Format seconds as 0:05, 12:34 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def draw_task(task: Task, now_s: float, width: int, symbols: Symbols = UNICODE) -> Text:
    """Draw a task as one line.

    Args:
        task: the task.
        now_s: the time, of the clock that `task.start_s` is of.
        width: number of cells that the line may take.
        symbols: characters for the encoding of the terminal.
    """
    elapsed_s = max(0.0, now_s - task.start_s)
    left_s = task.estimate_left_s(now_s)
    time_text = f"{format_duration(elapsed_s)} so far" if left_s is None else f"{format_duration(left_s)} left"
    count = f"{min(task.done, task.total)}/{task.total}" if task.total else ""
    parts = _Parts(
        escape_controls(task.title), count, escape_controls(task.unit), time_text, escape_controls(task.note)
    )
    bar_cells = parts.fit(width - 2, symbols.ellipsis)
    spinner = symbols.spinner[int(elapsed_s * 10) % len(symbols.spinner)]
    line = Text(no_wrap=True, overflow="crop").append(f"{spinner} ", style="green").append(parts.title)
    if bar_cells:
        line.append("  ").append_text(_draw_bar(task.compute_share(now_s), elapsed_s, bar_cells, symbols))
    counted = " ".join(part for part in (parts.count, parts.unit) if part)
    for text, style in ((counted, ""), (parts.time, "cyan"), (parts.note, "")):
        if text:
            line.append(f"  {text}", style=style)
    return line


@dataclass(slots=True)
class _Parts:
    """The texts of a line. `fit` removes and shortens them until they fit."""

    title: str
    count: str
    unit: str
    time: str
    note: str

    def fit(self, width: int, ellipsis: str) -> int:
        """Make the texts fit a width, and return the cells that are left for the bar: 0 for no bar."""
        whole_title = self.title
        if self._measure() + 2 + _USUAL_BAR > width:
            self.unit = ""
        self._shorten_title(width - _USUAL_BAR - 2, _SHORT_TITLE, ellipsis)
        if self._measure() + 2 + _NARROWEST_BAR > width:
            # Without the note, the title may have room again.
            self.note, self.title = "", whole_title
        self._shorten_title(width - _NARROWEST_BAR - 2, _SHORTEST_TITLE, ellipsis)
        room = width - self._measure() - 2
        if room >= _NARROWEST_BAR:
            return min(room, _WIDEST_BAR)
        if self._measure() > width:
            self.count = ""
        if self._measure() > width:
            self._shorten_title(width, 1, ellipsis)
        return 0

    def _measure(self) -> int:
        counted = " ".join(part for part in (self.count, self.unit) if part)
        texts = [text for text in (self.title, counted, self.time, self.note) if text]
        return sum(map(cell_len, texts)) + 2 * (len(texts) - 1)

    def _shorten_title(self, width: int, shortest: int, ellipsis: str) -> None:
        excess, cells = self._measure() - width, cell_len(self.title)
        if excess > 0 and cells > shortest:
            self.title = set_cell_size(self.title, max(shortest, cells - excess) - 1).rstrip() + ellipsis


def _draw_bar(share: float | None, elapsed_s: float, cells: int, symbols: Symbols) -> Text:
    if share is not None:
        full = round(share * cells)
        return _join_cells([(symbols.full * full, "cyan"), (symbols.empty * (cells - full), "bright_black")])
    block = max(1, round(cells * _BLOCK_SHARE))
    start = int(elapsed_s * _BLOCK_CELLS_PER_S) % (cells - block + 1)
    before, after = symbols.empty * start, symbols.empty * (cells - block - start)
    return _join_cells([(before, "bright_black"), (symbols.full * block, "cyan"), (after, "bright_black")])


def _join_cells(pieces: Sequence[tuple[str, str]]) -> Text:
    return Text.assemble(*[(text, style) for text, style in pieces if text])
