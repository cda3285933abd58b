"""Live camera, live labels: python3 demo.py, and open the address that it prints. DEMO.md says more.

Exit code 0 after ^C or SIGTERM; 1 if a step of it failed; 2 if it could not begin, with what to do about it.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    import board  # type: ignore[import-not-found]
    import demo_guard
    import demo_health
    import demo_loop
    import demo_sources
    import demo_terminal
    import runtime  # type: ignore[import-not-found]
    from demo_frames import SourceError, Wanted
except ModuleNotFoundError as missing:
    print(f"{missing.name} is not installed for {sys.executable}: see README.md beside this file", file=sys.stderr)
    sys.exit(2)

try:
    import demo_web
except ModuleNotFoundError as missing:
    if missing.name != "aiohttp":
        raise
    demo_web = None  # type: ignore[assignment]

HERE = Path(__file__).resolve().parent
TOKEN = "EDGETL_DEMO_TOKEN"  # noqa: S105  (the variable's name)
NO_AIOHTTP = (
    f"aiohttp is not installed for {sys.executable}: sh setup.sh --demo, or {sys.executable} -m pip install aiohttp; "
    "without it there is --terminal"
)


class Demo:
    """A model that looks at a source."""

    def __init__(self, facts: dict[str, Any], options: argparse.Namespace) -> None:
        """For the bundle beside this file, whose model.json holds `facts`. Raises SourceError."""
        width_px, height_px = options.size
        wanted = Wanted(width_px, height_px, options.rate, facts["input"]["side_px"])
        source = demo_sources.chosen(options.source, wanted)
        model = runtime.Model(HERE / facts["model"], options.threads)
        self.loop = demo_loop.Loop(source, model, facts)
        self._health = demo_health.Health(board.Board(options.sysfs, options.vcgencmd), self.loop.stopped)
        self._top = options.top
        self._fixed = {
            "model": f"{facts['provenance']['base']} {facts['provenance']['method']}",
            "fit": facts["input"]["fit"],
            "warning": _warning(facts, model),
        }

    def start(self) -> None:
        """Begin to look."""
        self.loop.start()
        self._health.start()

    def state(self, answer: Any = None) -> dict[str, Any]:
        """Everything that is shown, as JSON takes it, of one answer or of the newest. No labels without a camera."""
        figures = self.loop.figures()
        shown = (answer or self.loop.answer) if figures["camera"]["ok"] else None
        return {
            **self._fixed,
            "number": shown.number if shown else 0,
            "labels": [[label, round(number, 6)] for label, number in shown.labels[: self._top]] if shown else [],
            "delay_ms": round(shown.delay_ms, 3) if shown else None,
            **figures,
            "board": self._health.facts,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code."""
    options = _options(arguments)
    if demo_web is None and not options.terminal:
        print(NO_AIOHTTP, file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        # Python leaves SIGINT ignored where a shell started it in the background.
        signal.signal(number, signal.default_int_handler)
    try:
        facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
        guard = demo_guard.made(options.host, os.environ.get(TOKEN) or None)
        demo = Demo(facts, options)
    except (SourceError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        if options.terminal:
            demo.start()
            demo_terminal.run(demo)
        else:
            asyncio.run(_served(demo, guard, options))
    except KeyboardInterrupt:
        # The way to end it in a terminal; the page's server has its own.
        return 0
    except OSError as error:
        print(f"{options.host} port {options.port} cannot be listened on: {error.strerror or error}", file=sys.stderr)
        return 2
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            # Whoever asks a second time wants no camera closed in good order.
            signal.signal(number, signal.SIG_DFL)
        demo.loop.stop()
    return 1 if demo.loop.failed else 0


async def _served(demo: Demo, guard: Any, options: argparse.Namespace) -> None:
    def ready(port: int) -> None:
        print("\n".join(_addresses(guard, options.host, port)), flush=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, demo.loop.stopped.set)
    app = demo_web.application(demo, guard, options.viewers)
    end = await demo_web.serve(app, options.host, options.port, ready)
    demo.start()
    try:
        await asyncio.to_thread(demo.loop.stopped.wait)
    finally:
        await end()


def _addresses(guard: Any, host: str, port: int) -> list[str]:
    """What to open, line by line."""
    query = f"?token={guard.token}" if guard.token else ""
    if guard.local:
        shown = f"[{host}]" if ":" in host else host
        name = socket.gethostname()
        return [
            f"open http://{shown}:{port}/{query}",
            f"from another computer: ssh -L {port}:127.0.0.1:{port} {name}.local, then the same address there",
        ]
    names = [_outward(), f"{socket.gethostname()}.local"] if host in ("0.0.0.0", "::") else [host]  # noqa: S104
    return [f"open http://{f'[{name}]' if ':' in name else name}:{port}/{query}" for name in names if name]


def _outward() -> str:
    """The address by which others reach this machine; empty if it has none. Nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _warning(facts: dict[str, Any], model: Any) -> str:
    if facts["runtime"]["accelerated"] and not model.accelerated:
        return "XNNPACK does not run here: slower, and answers may differ from the build's"
    return ""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Live camera, live labels, in a browser or a terminal.")
    parser.add_argument("--source", default="auto", help="auto, picamera2, /dev/video0, a folder, a video file (auto)")
    parser.add_argument("--terminal", action="store_true", help="show it here, not in a browser")
    parser.add_argument("--host", default="127.0.0.1", help="listen here; any but this board's own asks for a token")
    parser.add_argument("--port", type=_count(0), default=8000, metavar="N", help="(8000); 0: any that is free")
    parser.add_argument("--viewers", type=_count(1), default=4, metavar="N", help="so many at once (4)")
    parser.add_argument("--top", type=_count(1), default=5, metavar="K", help="labels to show (5)")
    parser.add_argument(
        "--size", type=_size, default=(640, 480), metavar="WxH", help="of the camera's pictures (640x480)"
    )
    parser.add_argument("--rate", type=_count(1), default=30, metavar="HZ", help="pictures a second at most (30)")
    parser.add_argument(
        "--threads", type=_count(1), default=board.cores(), metavar="N", help="for the model (all cores)"
    )
    parser.add_argument(
        "--sysfs", type=Path, default=Path("/sys"), metavar="DIR", help="look for the board here (/sys)"
    )
    parser.add_argument("--vcgencmd", default="vcgencmd", metavar="PROGRAM", help="ask this about throttling")
    return parser.parse_args(arguments)


def _count(least: int) -> Any:
    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= 65535:
            raise argparse.ArgumentTypeError(f"a whole number from {least} to 65535")
        return int(text)

    return number


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{1,3})x([1-9]\d{1,3})", text)
    if match is None:
        raise argparse.ArgumentTypeError("width x height in pixels, as in 640x480")
    return int(match[1]), int(match[2])


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A label may hold letters that the terminal cannot show.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
