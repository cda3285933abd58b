"""Classify photos: python3 classify.py photo.jpg. Input: photos or folders. Output: the most probable labels.

A bundle with reference features also has the answers "unsure" and "none of these": see answers.py.

Exit code 0, or 2 where a photo could not be read; all other photos are still classified.
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
import io
import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

try:
    import answers  # type: ignore[import-not-found]
    import numpy as np
    import pixels  # type: ignore[import-not-found]
    import printable  # type: ignore[import-not-found]
    import runtime  # type: ignore[import-not-found]
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed for {sys.executable}: see README.md beside this file")

HERE = Path(__file__).resolve().parent
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
BAR_CELLS = 20


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the program and return its exit code."""
    options = _parse_arguments(arguments)
    facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    model = runtime.Model(HERE / facts["model"], options.threads)
    if facts["runtime"]["accelerated"] and not model.accelerated:
        print(
            f"warning: {runtime.FAST_KERNELS} does not run here: slower, and predictions may differ from the build",
            file=sys.stderr,
        )
    thresholds = answers.Thresholds.load(facts, HERE)
    exit_code = 0
    for photo in _list_photos(options.photos):
        try:
            image = pixels.load_photo(photo, *list_arguments(facts))
        except pixels.PhotoError as error:
            print(printable.make_printable(f"{photo}: {error}"), file=sys.stderr)
            exit_code = 2
            continue
        output = model.dequantize(model.predict(image))
        probabilities = compute_probabilities(output, facts["output"]["labels"])
        answer = thresholds.answer(probabilities, model.get_features()) if thresholds.is_set else None
        ranked = sorted(probabilities.items(), key=lambda item: -item[1])
        several_labels = facts["output"].get("thresholds")
        shown = select_labels(ranked, facts["output"]) if several_labels else ranked[: options.top]
        if options.json:
            print(json.dumps(_make_json(photo, shown, answer)), flush=True)
        else:
            print("\n".join(_format_photo(photo, shown, answer, thresholds)), flush=True)
    return exit_code


def list_arguments(facts: "dict[str, Any]") -> "tuple[int, int, str]":
    """Return height and width of the model's input, and the fit: the arguments of pixels.py after the photo."""
    image = facts["input"]
    return image["height_px"], image["width_px"], image["fit"]


def compute_probabilities(output: np.ndarray[Any, Any], labels: Sequence[str]) -> dict[str, float]:
    """Map each label to its probability.

    Args:
        output: float [units], dequantized. One unit (sigmoid) is the probability of the second of two labels.
        labels: the labels in the order of the units.

    Raises:
        ValueError: the number of units does not fit the number of labels.
    """
    if output.size == 1 and len(labels) == 2:
        second = float(output[0])
        return {labels[0]: 1.0 - second, labels[1]: second}
    if output.size != len(labels):
        raise ValueError(f"the model has {output.size} outputs and model.json {len(labels)} labels")
    return {label: float(value) for label, value in zip(labels, output)}  # noqa: B905  (strict= needs Python 3.10)


def select_labels(ranked: Sequence[tuple[str, float]], output: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the labels that a photo has: those whose probability reaches their threshold.

    Args:
        ranked: labels with their probabilities.
        output: of model.json, with labels and thresholds.
    """
    thresholds = dict(zip(output["labels"], output["thresholds"]))  # noqa: B905  (strict= needs Python 3.10)
    return [(label, probability) for label, probability in ranked if probability >= thresholds[label]]


def _parse_arguments(arguments: "Sequence[str] | None") -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Classify photos.")
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="a photo, or a folder of photos")
    parser.add_argument("--top", type=_parse_count, default=3, metavar="K", help="most probable classes (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one line of JSON per photo")
    parser.add_argument(
        "--threads", type=_parse_count, default=os.cpu_count() or 1, metavar="N", help="(default: all cores)"
    )
    return parser.parse_args(arguments)


def _parse_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _list_photos(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the photos, those of a folder sorted by path.

    An empty folder is yielded itself: reading it fails, so that it is reported instead of skipped silently.
    """
    for path in paths:
        photos = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        yield from photos or [path]


def _make_json(photo: Path, ranked: Sequence[tuple[str, float]], answer: Any) -> "dict[str, Any]":
    labels = [{"label": label, "probability": round(probability, 6)} for label, probability in ranked]
    return {"photo": str(photo), "labels": labels, **(answer.to_json() if answer else {})}


def _format_photo(photo: Path, ranked: Sequence[tuple[str, float]], answer: Any, thresholds: Any) -> "list[str]":
    """Format the name of a photo, the answer where it is no label, and the labels with their probabilities."""
    # A label or a file name may contain an escape sequence that changes the terminal.
    lines = [printable.make_printable(str(photo))]
    if answer and not answer.accepted:
        lines.append(f"  {printable.make_printable(answer.describe())} ({thresholds.explain(answer)})")
    if answer and not answer.known:
        # The probabilities compare the labels with each other, and the photo shows none of them.
        return lines
    if not ranked:
        # Only a model with several labels: no label reaches its threshold.
        return [*lines, "  none"]
    labels = [(printable.make_printable(label), probability) for label, probability in ranked]
    width = max(len(label) for label, _ in labels)
    for label, probability in labels:
        bar = "█" * round(probability * BAR_CELLS) if sys.stdout.isatty() else ""
        lines.append(f"  {label:<{width}}  {probability:6.1%}  {bar}".rstrip())
    return lines


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name may contain bytes, and a label letters, that the encoding of the terminal lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main()
    except BrokenPipeError:
        # The reader of the pipe, for example `head`, has ended. Python flushes stdout once more at exit, which would
        # fail again: the null device takes that output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
