"""Live camera, live labels: python3 demo.py, then open the address that it prints. See DEMO.md.

Exit code 0 after Ctrl+C or SIGTERM, 1 if a step failed, 2 if the demo could not start, with what to do.
"""

import posix
import sys

if __name__ == "__main__":
    # check_files.py verifies every file of this folder before one of them is imported: a file json.py, for example,
    # would run in place of Python's own. A link is not followed, and a pipe is not waited for.
    _folder = sys.path[0] if not getattr(sys.flags, "safe_path", sys.flags.isolated) else __file__.rpartition("/")[0]
    _checker = {"__name__": "check_files"}
    _verified = None
    try:
        with open(
            f"{_folder}/check_files.py",
            "rb",
            opener=lambda path, flags: posix.open(path, flags | posix.O_NOFOLLOW | posix.O_NONBLOCK),
        ) as _file:
            exec(_file.read(), _checker)  # noqa: S102
        _verified = _checker["verify_bundle"](_folder)  # type: ignore[operator]
    except Exception as _error:  # noqa: BLE001  (a changed file can raise anything)
        print(f"check_files.py: {_error!r}", file=sys.stderr)
    if _verified is not True:
        print("check_files.py changed: copy the bundle again", file=sys.stderr)
        sys.exit(2)

import argparse
import asyncio
import io
import json
import os
import re
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    import answers  # type: ignore[import-not-found]
    import board  # type: ignore[import-not-found]
    import demo_connections
    import demo_guard
    import demo_health
    import demo_loop
    import demo_sources
    import demo_terminal
    import runtime  # type: ignore[import-not-found]
    from demo_frames import FrameRequest, SourceError
except ModuleNotFoundError as missing:
    print(f"{missing.name} is not installed for {sys.executable}: see README.md beside this file", file=sys.stderr)
    sys.exit(2)

try:
    import demo_web
except ModuleNotFoundError as missing:
    # Only the browser needs aiohttp: --terminal runs without it.
    if missing.name != "aiohttp":
        raise
    demo_web = None  # type: ignore[assignment]

HERE = Path(__file__).resolve().parent
TOKEN_VARIABLE = "EDGETL_DEMO_TOKEN"  # noqa: S105  (the name of the variable, not a token)
NO_AIOHTTP = (
    f"aiohttp is not installed for {sys.executable}: sh setup.sh --demo, or {sys.executable} -m pip install aiohttp; "
    "--terminal runs without it"
)


class Demo:
    """The prediction loop and the state of the board, as they are shown.

    Attributes:
        loop: the PredictionLoop.
    """

    def __init__(self, facts: dict[str, Any], options: argparse.Namespace) -> None:
        """Load the model of the bundle beside this file, whose model.json contains `facts`. Raises SourceError."""
        width_px, height_px = options.size
        labels = tuple(facts["output"]["labels"])
        side_px = max(facts["input"]["height_px"], facts["input"]["width_px"])
        request = FrameRequest(width_px, height_px, options.rate, side_px, labels)
        if options.photos is None:
            source = demo_sources.select_source(options.source, request)
        else:
            source = demo_sources.select_folder(options.photos, request)
        model = runtime.Model(HERE / facts["model"], options.threads)
        self._thresholds = answers.Thresholds.load(facts, HERE)
        self.loop = demo_loop.PredictionLoop(source, model, facts, self._thresholds)
        self._health = demo_health.BoardHealth(board.Board(options.sysfs, options.vcgencmd), self.loop.stopped)
        self._top = options.top
        self._constants = {
            "model": f"{facts['provenance']['base']} {facts['provenance']['method']}",
            "fit": facts["input"]["fit"],
            # Then a frame has all labels that are shown, perhaps none.
            "several_labels": bool(facts["output"].get("thresholds")),
            "warning": _make_warning(facts, model),
        }

    def start(self) -> None:
        """Start all threads."""
        self.loop.start()
        self._health.start()

    def get_state(self, prediction: Any = None) -> dict[str, Any]:
        """Return everything that is shown, in types of JSON.

        Args:
            prediction: whose labels are shown; None: the newest. Without frames no labels are shown, because they
                would be those of an old frame.
        """
        statistics = self.loop.get_statistics()
        shown = (prediction or self.loop.prediction) if statistics["camera"]["ok"] else None
        labels = shown.labels if shown else ()
        labels = labels if self._constants["several_labels"] else labels[: self._top]
        return {
            **self._constants,
            "number": shown.number if shown else 0,
            "labels": [[label, round(probability, 6)] for label, probability in labels],
            "answer": self._describe_answer(shown.answer) if shown and shown.answer else None,
            "photo": {"name": shown.frame.name, "true_label": shown.frame.true_label} if shown else None,
            "delay_ms": round(shown.delay_ms, 3) if shown else None,
            **statistics,
            "board": self._health.facts,
        }

    def _describe_answer(self, answer: Any) -> dict[str, Any]:
        return {**answer.to_json(), "text": answer.describe(), "reason": self._thresholds.explain(answer)}


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the program and return its exit code."""
    options = _parse_arguments(arguments)
    if demo_web is None and not options.terminal:
        print(NO_AIOHTTP, file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        # A shell starts background programs with SIGINT ignored, and Python keeps that.
        signal.signal(number, signal.default_int_handler)
    try:
        facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
        guard = demo_guard.make_guard(options.host, os.environ.get(TOKEN_VARIABLE) or None)
        demo = Demo(facts, options)
    except (SourceError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    try:
        if options.terminal:
            demo.start()
            demo_terminal.show_in_terminal(demo)
        else:
            asyncio.run(_serve(demo, guard, options))
    except KeyboardInterrupt:
        # Ctrl+C ends --terminal; the server of the page handles signals itself.
        return 0
    except OSError as error:
        print(f"cannot listen on {options.host} port {options.port}: {error.strerror or error}", file=sys.stderr)
        return 2
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            # A second signal ends the program at once, even while a camera is being closed.
            signal.signal(number, signal.SIG_DFL)
        demo.loop.stop()
    return 1 if demo.loop.failed else 0


async def _serve(demo: Demo, guard: Any, options: argparse.Namespace) -> None:
    """Serve the page until the loop is stopped."""

    def print_addresses(port: int) -> None:
        print("\n".join(_format_addresses(guard, options.host, port)), flush=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, demo.loop.stopped.set)
    app = demo_web.make_application(demo, guard, options.viewers)
    limits = demo_connections.choose_limits(options.viewers)
    close = await demo_web.serve(app, (options.host, options.port), limits, print_addresses)
    demo.start()
    try:
        await asyncio.to_thread(demo.loop.stopped.wait)
    finally:
        await close()


def _format_addresses(guard: Any, host: str, port: int) -> list[str]:
    """Return the lines that say what to open."""
    query = f"?token={guard.token}" if guard.token else ""
    if guard.local:
        name = socket.gethostname()
        return [
            f"open http://{_bracket_ipv6(host)}:{port}/{query}",
            f"from another computer: ssh -L {port}:127.0.0.1:{port} {name}.local, then open the same address there",
        ]
    names = [host]
    # These mean every address of the board, and cannot be opened themselves.
    if host in ("0.0.0.0", "::"):  # noqa: S104  (compared, not bound)
        names = [_find_network_address(), f"{socket.gethostname()}.local"]
    return [f"open http://{_bracket_ipv6(name)}:{port}/{query}" for name in names if name]


def _bracket_ipv6(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _find_network_address() -> str:
    """Return the address of this machine in its network; empty if it has none.

    Connecting a UDP socket sends nothing: it only chooses the route, and with it the own address. 192.0.2.1 is an
    address that no machine has. Source: RFC 5737.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _make_warning(facts: dict[str, Any], model: Any) -> str:
    if facts["runtime"]["accelerated"] and not model.accelerated:
        return f"{runtime.FAST_KERNELS} does not run here: slower, and predictions may differ from the build"
    return ""


def _parse_arguments(arguments: "Sequence[str] | None") -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Live camera, live labels, in a browser or a terminal.")
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--source", default="auto", help="auto, picamera2, /dev/video0, a folder, a video file (default: auto)"
    )
    source.add_argument(
        "--photos",
        type=Path,
        metavar="DIR",
        help="show the photos of a folder; one named after a label is the true class",
    )
    add("--terminal", action="store_true", help="show it in this terminal, not in a browser")
    add("--host", default="127.0.0.1", help="address to listen on; any but this board's own requires a token")
    add("--port", type=_make_parser(0), default=8000, metavar="N", help="0: any free port (default: 8000)")
    add("--viewers", type=_make_parser(1), default=4, metavar="N", help="largest number of viewers (default: 4)")
    add("--top", type=_make_parser(1), default=5, metavar="K", help="most probable classes (default: 5)")
    add("--size", type=_parse_size, default=(640, 480), metavar="WxH", help="size of camera frames (default: 640x480)")
    add("--rate", type=_make_parser(1), default=30, metavar="HZ", help="most frames per second (default: 30)")
    add("--threads", type=_make_parser(1), default=board.count_cores(), metavar="N", help="(default: all cores)")
    add("--sysfs", type=Path, default=Path("/sys"), metavar="DIR", help="replaces /sys, for tests")
    add("--vcgencmd", default="vcgencmd", metavar="PROGRAM", help="replaces vcgencmd, for tests")
    return parser.parse_args(arguments)


def _make_parser(least: int) -> Any:
    """Return a function that parses a whole number from `least` to the highest port."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= 65535:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to 65535")
        return int(text)

    return parse


def _parse_size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{1,3})x([1-9]\d{1,3})", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not width x height in pixels, such as 640x480")
    return int(match[1]), int(match[2])


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A label may contain letters that the encoding of the terminal lacks.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
