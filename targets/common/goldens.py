"""Runs the golden photos and says, as JSON, how far this device is from the build. Started by selfcheck.py.

A program of its own: selfcheck.py starts it only when every byte of the bundle is proved, and survives its crash.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pixels  # type: ignore[import-not-found]
import runtime  # type: ignore[import-not-found]

HERE = Path(__file__).resolve().parent
# An .npy header is at most this long; more would be a file that says one thing and holds another.
HEADER_BYTES = 1024

Array = np.ndarray[Any, Any]


def main() -> int:
    """Run every check and print what it found. The exit code is 0 wherever the checks could be made at all."""
    _check_checker()
    facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    model = runtime.Model(HERE / facts["model"], 1)
    expected = _expected(facts)
    checks = [
        ("pixels", *_pixels(facts, expected["pixels"])),
        ("outputs", *_outputs(facts, model, expected)),
        ("runtime", *_runtime(facts, model)),
    ]
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        runtime.PACKAGE: runtime.version(),
        "machine": platform.machine(),
    }
    rows = [{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks]
    print(json.dumps({"checks": rows, "versions": versions}))
    return 0


def _check_checker() -> None:
    """Compare selfcheck.py, which compared this file: if one byte changed, one of the two is whole and sees it."""
    digest = hashlib.sha256((HERE / "selfcheck.py").read_bytes()).hexdigest()
    if f"{digest}  selfcheck.py" not in (HERE / "SHA256SUMS").read_text(encoding="ascii").splitlines():
        raise SystemExit("selfcheck.py: changed")


def _expected(facts: dict[str, Any]) -> dict[str, Array]:
    """The arrays of golden/expected.npz, neither larger nor of another kind than model.json says.

    Returns:
        pixels: uint8 [photos, side, side, 3]; outputs: [photos, units] in the output tensor's dtype.
    """
    path = HERE / "golden" / "expected.npz"
    photos, side, output = len(facts["golden"]), facts["input"]["side_px"], facts["output"]
    shapes = {"pixels": (photos, side, side, 3), "outputs": (photos, output["shape"][-1])}
    dtypes = {"pixels": np.dtype(np.uint8), "outputs": np.dtype(output["dtype"])}
    with zipfile.ZipFile(path) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
    for name, shape in shapes.items():
        bytes_wanted = int(np.prod(shape)) * dtypes[name].itemsize
        if not bytes_wanted <= sizes.pop(f"{name}.npy", -1) <= bytes_wanted + HEADER_BYTES:
            raise SystemExit(f"{path.name}: {name} is missing or of another size")
    if sizes:
        raise SystemExit(f"{path.name}: holds more than it should")
    with np.load(path, allow_pickle=False) as arrays:
        expected = {name: arrays[name] for name in shapes}
    for name, array in expected.items():
        if array.shape != shapes[name] or array.dtype != dtypes[name]:
            raise SystemExit(f"{path.name}: {name} is {array.dtype} {array.shape}")
    return expected


def _pixels(facts: dict[str, Any], expected: Array) -> tuple[bool, str]:
    """Whether this device's Pillow decodes and fits the photos as the build's did."""
    model_input = facts["input"]
    found = [pixels.load(HERE / photo, model_input["side_px"], model_input["fit"]) for photo in facts["golden"]]
    return _judged(facts, "pixels", [_gap(a, b) for a, b in _pairs(found, expected)])


def _outputs(facts: dict[str, Any], model: Any, expected: dict[str, Array]) -> tuple[bool, str]:
    """Whether the model answers as it did to the same pixels, so that a decoder's difference is not counted twice."""
    found = [model.outputs(image) for image in expected["pixels"]]
    if any(output.dtype != expected["outputs"].dtype for output in found):
        return False, f"{found[0].dtype} where the build had {expected['outputs'].dtype}"
    return _judged(facts, "output", [_gap(a, b) for a, b in _pairs(found, expected["outputs"])])


def _runtime(facts: dict[str, Any], model: Any) -> tuple[bool, str]:
    """Whether the fast kernels run that the answers were made with."""
    if not facts["runtime"]["accelerated"]:
        return True, f"this kind of file runs without {runtime.FAST}"
    if model.accelerated:
        return True, f"{runtime.FAST} runs"
    return False, f"{runtime.FAST} does not run: slower, and answers may differ from the build's"


def _judged(facts: dict[str, Any], what: str, gaps: Sequence[float]) -> tuple[bool, str]:
    allowed = facts["tolerances"][what]
    if isinstance(allowed, bool) or not isinstance(allowed, (int, float)) or not 0 <= allowed < float("inf"):
        raise SystemExit(f"model.json: tolerances.{what} is {allowed!r}")
    worst = int(np.argmax(gaps))
    # A NaN compares as false, so it fails.
    ok = all(gap <= allowed for gap in gaps)
    place = f" ({facts['golden'][worst]})" if gaps[worst] else ""
    return ok, f"{len(gaps)} photos, largest difference {gaps[worst]:.6g}, allowed {allowed:g}{place}"


def _gap(found: Array, expected: Array) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float(np.max(np.abs(found.astype(np.float64) - expected.astype(np.float64))))


def _pairs(found: Sequence[Array], expected: Array) -> list[tuple[Array, Array]]:
    return [(found[index], expected[index]) for index in range(len(expected))]


if __name__ == "__main__":
    sys.exit(main())
