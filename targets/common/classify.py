"""Names what is on photos: python3 classify.py photo.jpg. Photos or folders in, the likeliest labels out.

Exit code 0, or 2 where a photo could not be read (the others are done all the same).
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

try:
    import numpy as np
    import pixels  # type: ignore[import-not-found]
    import runtime  # type: ignore[import-not-found]
except ModuleNotFoundError as missing:
    sys.exit(f"{missing.name} is not installed for {sys.executable}: see README.md beside this file")

HERE = Path(__file__).resolve().parent
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
BAR_CELLS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and give its exit code."""
    options = _options(arguments)
    facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    model = runtime.Model(HERE / facts["model"], options.threads)
    if facts["runtime"]["accelerated"] and not model.accelerated:
        told = f"warning: {runtime.FAST} does not run here: slower, and answers may differ from the build's"
        print(told, file=sys.stderr)
    exit_code = 0
    for photo in _photos(options.photos):
        try:
            image = pixels.load(photo, facts["input"]["side_px"], facts["input"]["fit"])
        except pixels.PhotoError as error:
            print(f"{photo}: {error}", file=sys.stderr)
            exit_code = 2
            continue
        found = probabilities(model.numbers(model.outputs(image)), facts["output"]["labels"])
        _show(photo, sorted(found.items(), key=lambda item: -item[1])[: options.top], as_json=options.json)
    return exit_code


def probabilities(numbers: np.ndarray[Any, Any], labels: Sequence[str]) -> dict[str, float]:
    """Label → probability. A single output unit is the probability of the second of two labels."""
    if numbers.size == 1 and len(labels) == 2:
        second = float(numbers[0])
        return {labels[0]: 1.0 - second, labels[1]: second}
    if numbers.size != len(labels):
        raise ValueError(f"the model has {numbers.size} outputs and model.json {len(labels)} labels")
    return {label: float(number) for label, number in zip(labels, numbers)}  # noqa: B905  (strict= needs Python 3.10)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Name what is on photos.")
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="a photo, or a folder of photos")
    parser.add_argument("--top", type=_count, default=3, metavar="K", help="labels to show for a photo (3)")
    parser.add_argument("--json", action="store_true", help="one line of JSON for a photo")
    parser.add_argument("--threads", type=_count, default=os.cpu_count() or 1, metavar="N", help="(all cores)")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number from 1 on")
    return int(text)


def _photos(named: Sequence[Path]) -> Iterator[Path]:
    """The photos, folders opened up in the order of their names. An empty folder stays, to be named as unreadable."""
    for path in named:
        inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        yield from inside or [path]


def _show(photo: Path, found: Sequence[tuple[str, float]], *, as_json: bool) -> None:
    if as_json:
        labels = [{"label": label, "probability": round(probability, 6)} for label, probability in found]
        print(json.dumps({"photo": str(photo), "labels": labels}), flush=True)
        return
    width = max(len(label) for label, _ in found)
    print(photo)
    for label, probability in found:
        bar = "█" * round(probability * BAR_CELLS) if sys.stdout.isatty() else ""
        print(f"  {label:<{width}}  {probability:6.1%}  {bar}".rstrip(), flush=True)


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A photo's name may hold bytes, and a label letters, that the terminal cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main()
    except BrokenPipeError:
        # Whoever read has gone, as `head` does. What Python still wants to write must go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
