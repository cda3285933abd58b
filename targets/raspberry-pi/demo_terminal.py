"""The demo without a browser: a few lines of text, redrawn in place on a terminal, one line a second elsewhere."""

from __future__ import annotations

import shutil
import sys
from typing import Any, TextIO

BAR_CELLS = 24
REDRAW_S, LINE_S = 0.2, 1.0


def run(demo: Any, out: TextIO = sys.stdout) -> None:
    """Show `demo.state()` until `demo.loop.stopped` is set."""
    redrawn = 0
    drawn = out.isatty()
    while not demo.loop.stopped.wait(REDRAW_S if drawn else LINE_S):
        state = demo.state()
        if drawn:
            # A line that wraps would be two to go back over.
            columns = shutil.get_terminal_size().columns
            text = [row[: columns - 1] for row in lines(state)]
            back = f"\x1b[{redrawn}F" if redrawn else ""
            print(f"{back}\x1b[J" + "\n".join(text), file=out, flush=True)
            redrawn = len(text)
        else:
            print(line(state), file=out, flush=True)


def lines(state: dict[str, Any]) -> list[str]:
    """The state as several lines, bars among them."""
    labels = [(plain(label), probability) for label, probability in state["labels"]]
    width = max((len(label) for label, _ in labels), default=0)
    rows = [f"  {label:<{width}}  {bar(probability)}  {probability:6.1%}" for label, probability in labels]
    return [*rows, f"  {speed(state)}", f"  {latency(state)}", f"  {health(state['board'])}", f"  {source(state)}"]


def line(state: dict[str, Any]) -> str:
    """The state as one line."""
    best = [f"{plain(label)} {probability:.1%}" for label, probability in state["labels"][:1]]
    return " · ".join([*best, speed(state), latency(state), health(state["board"]), source(state)])


def bar(probability: float) -> str:
    """A probability as a bar of BAR_CELLS cells."""
    full = min(BAR_CELLS, max(0, round(probability * BAR_CELLS)))
    return "█" * full + "░" * (BAR_CELLS - full)


def speed(state: dict[str, Any]) -> str:
    """Frames per second and frames dropped."""
    rate = f"{state['rate_hz']:.1f} frames/s" if state["rate_hz"] is not None else "no frames"
    return f"{rate}, {state['drops']} dropped"


def latency(state: dict[str, Any]) -> str:
    """The latency split."""
    split = [f"{name} {ms:.1f}" for name, ms in state["latency_ms"].items()]
    return ", ".join(split) + " ms" if split else "no latencies"


def health(facts: dict[str, Any]) -> str:
    """Temperature, clock, throttling."""
    known = []
    if facts["temperature_c"] is not None:
        known.append(f"{facts['temperature_c']:.1f} °C")
    if facts["clock_hz"] is not None:
        known.append(f"{facts['clock_hz'] / 1e9:.2f} GHz")
    return ", ".join([*known, throttling(facts["throttled"])])


def throttling(words: dict[str, list[str]] | None) -> str:
    """What holds the board back, now or since it started."""
    if words is None:
        return "throttling not known"
    if words["now"]:
        return f"NOW: {', '.join(words['now'])}"
    return f"since boot: {', '.join(words['since_boot'])}" if words["since_boot"] else "not throttled"


def source(state: dict[str, Any]) -> str:
    """The camera's name, or why there is no picture."""
    camera = state["camera"]
    return (
        plain(camera["name"]) if camera["ok"] else f"NO PICTURE ({plain(camera['name'])}): {plain(camera['message'])}"
    )


def plain(text: str) -> str:
    """A text without what would move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
