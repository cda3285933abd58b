"""The demo without a browser: a few lines that are redrawn in place on a terminal, one line per second elsewhere."""

from __future__ import annotations

import shutil
import sys
from typing import Any, TextIO

BAR_CELLS = 24
REDRAW_INTERVAL_S, LINE_INTERVAL_S = 0.2, 1.0


def show_in_terminal(demo: Any, out: TextIO = sys.stdout) -> None:
    """Show `demo.get_state()` until `demo.loop.stopped` is set."""
    drawn_rows = 0
    redraws = out.isatty()
    while not demo.loop.stopped.wait(REDRAW_INTERVAL_S if redraws else LINE_INTERVAL_S):
        state = demo.get_state()
        if redraws:
            # A line that wraps would occupy two rows, and moving the cursor up by the number of lines would miss one.
            columns = shutil.get_terminal_size().columns
            rows = [row[: columns - 1] for row in format_lines(state)]
            # ESC [ n F moves the cursor up n rows, ESC [ J clears from there to the end of the screen.
            cursor_up = f"\x1b[{drawn_rows}F" if drawn_rows else ""
            print(f"{cursor_up}\x1b[J" + "\n".join(rows), file=out, flush=True)
            drawn_rows = len(rows)
        else:
            print(format_line(state), file=out, flush=True)


def format_lines(state: dict[str, Any]) -> list[str]:
    """Format the state as several lines, the labels with bars."""
    labels = [(replace_control_characters(label), probability) for label, probability in state["labels"]]
    width = max((len(label) for label, _ in labels), default=0)
    rows = [f"  {label:<{width}}  {format_bar(probability)}  {probability:6.1%}" for label, probability in labels]
    rows = rows or [f"  {name}" for name in list_names(state)]
    # The bars of a frame that shows none of the labels would compare them with each other only.
    rows = [f"  {answer}" for answer in [format_answer(state)] if answer] + (rows if is_known(state) else [])
    facts = [format_rate(state), format_latency(state), format_health(state["board"]), format_source(state)]
    facts += [f"photo {photo}" for photo in [format_photo(state)] if photo]
    return [*rows, *(f"  {text}" for text in facts)]


def format_line(state: dict[str, Any]) -> str:
    """Format the state as one line."""
    shown = state["labels"] if state["several_labels"] else state["labels"][:1]
    labels = [f"{replace_control_characters(label)} {probability:.1%}" for label, probability in shown]
    best = [", ".join(labels)] if labels else list_names(state)
    best = [format_answer(state) or best[0]] if best else []
    photos = [photo for photo in [format_photo(state)] if photo]
    facts = (format_rate(state), format_latency(state), format_health(state["board"]), format_source(state))
    return " · ".join([*best, *photos, *facts])


def format_answer(state: dict[str, Any]) -> str:
    """Format "unsure" or "none of these" with the reason; empty where the answer is a label."""
    answer = state["answer"]
    if not answer or answer["accepted"]:
        return ""
    return f"{replace_control_characters(answer['text'])} ({answer['reason']})"


def is_known(state: dict[str, Any]) -> bool:
    """Return whether the labels are shown: not where the frame shows none of them."""
    return not state["answer"] or bool(state["answer"]["known"])


def list_names(state: dict[str, Any]) -> list[str]:
    """Return "none" where a frame of a model with several labels has no label; nothing where there is no frame."""
    return ["none"] if state["several_labels"] and state["number"] and not state["labels"] else []


def format_bar(probability: float) -> str:
    """Format a probability as a bar of BAR_CELLS characters."""
    full = min(BAR_CELLS, max(0, round(probability * BAR_CELLS)))
    return "█" * full + "░" * (BAR_CELLS - full)


def format_rate(state: dict[str, Any]) -> str:
    """Format frames per second and dropped frames."""
    rate = f"{state['rate_hz']:.1f} frames/s" if state["rate_hz"] is not None else "no frames"
    return f"{rate}, {state['drops']} dropped"


def format_latency(state: dict[str, Any]) -> str:
    """Format the latency of each step."""
    steps = [f"{name} {ms:.1f}" for name, ms in state["latency_ms"].items()]
    return ", ".join(steps) + " ms" if steps else "no latencies"


def format_health(facts: dict[str, Any]) -> str:
    """Format temperature, clock and throttling."""
    parts = []
    if facts["temperature_c"] is not None:
        parts.append(f"{facts['temperature_c']:.1f} °C")
    if facts["clock_hz"] is not None:
        parts.append(f"{facts['clock_hz'] / 1e9:.2f} GHz")
    return ", ".join([*parts, format_throttling(facts["throttled"])])


def format_throttling(conditions: dict[str, list[str]] | None) -> str:
    """Format the conditions that slow the board down, now or since it was started."""
    if conditions is None:
        return "throttling unknown"
    if conditions["now"]:
        return f"NOW: {', '.join(conditions['now'])}"
    return f"since boot: {', '.join(conditions['since_boot'])}" if conditions["since_boot"] else "not throttled"


def format_photo(state: dict[str, Any]) -> str:
    """Format the name of a photo and whether its label was predicted; empty for a camera."""
    photo = state["photo"]
    if not photo or not photo["name"]:
        return ""
    name, true_label = replace_control_characters(photo["name"]), photo["true_label"]
    if not true_label:
        return name
    if state["answer"] and not state["answer"]["accepted"]:
        # Without a label, the answer is neither right nor wrong.
        text = "unsure" if state["answer"]["known"] else "none of these"
        kind = "label" if state["several_labels"] else "true class"
        return f"{name}, {kind} {replace_control_characters(true_label)}: {text}"
    if state["several_labels"]:
        # The folder names one label, and the photo may have others.
        found = true_label in [label for label, _ in state["labels"]]
        return f"{name}, label {replace_control_characters(true_label)}: {'found' if found else 'not found'}"
    right = bool(state["labels"]) and state["labels"][0][0] == true_label
    return f"{name}, true class {replace_control_characters(true_label)}: {'right' if right else 'wrong'}"


def format_source(state: dict[str, Any]) -> str:
    """Format the name of the source, or why it delivers no frame."""
    source = state["camera"]
    name = replace_control_characters(source["name"])
    return name if source["ok"] else f"NO FRAME ({name}): {replace_control_characters(source['message'])}"


def replace_control_characters(text: str) -> str:
    """Replace unprintable characters: a label or a file name could move the cursor of the terminal with them."""
    return "".join(character if character.isprintable() else "?" for character in text)
