"""Predict the golden photos and print, as JSON, how far the results differ from those of the build.

selfcheck.py runs it as a process of its own: only after every file of the bundle was found unchanged, and so that a
crash of the runtime does not end the self-check.
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

import answers  # type: ignore[import-not-found]
import classify  # type: ignore[import-not-found]
import numpy as np
import PIL
import pixels  # type: ignore[import-not-found]
import runtime  # type: ignore[import-not-found]

HERE = Path(__file__).resolve().parent
# The largest accepted header of an .npy file: with a longer one, the file contains more than its array.
HEADER_LIMIT_BYTES = 1024
DECISIONS = ("label", "known", "accepted")

Array = np.ndarray[Any, Any]


def main() -> int:
    """Run every check and print the results. The exit code is 0 if all checks could run, even if some failed."""
    _check_checkers()
    facts = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
    # The build predicted the golden photos on one thread too.
    model = runtime.Model(HERE / facts["model"], 1)
    expected = _load_expected(facts)
    checks = [
        ("pixels", *_check_pixels(facts, expected["pixels"])),
        ("outputs", *_check_outputs(facts, model, expected)),
        ("answers", *_check_answers(facts, model, expected["pixels"])),
        ("runtime", *_check_runtime(facts, model)),
    ]
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        runtime.PACKAGE: runtime.get_version(),
        "machine": platform.machine(),
    }
    rows = [{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks]
    print(json.dumps({"checks": rows, "versions": versions}))
    return 0


def _check_checkers() -> None:
    """Verify the programs that verified this file: if one of the three changed, an unchanged one detects it."""
    listed = (HERE / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    for name in ("check_files.py", "selfcheck.py"):
        digest = hashlib.sha256((HERE / name).read_bytes()).hexdigest()
        if f"{digest}  {name}" not in listed:
            raise SystemExit(f"{name}: changed")


def _load_expected(facts: dict[str, Any]) -> dict[str, Array]:
    """Load the arrays of golden/expected.npz after checking that sizes, shapes and dtypes are those of model.json.

    Returns:
        pixels: uint8 [photos, height, width, 3]; outputs: [photos, units] in the dtype of the output tensor.

    Raises:
        SystemExit: an array is missing, has another size, shape or dtype, or there are more arrays.
    """
    path = HERE / "golden" / "expected.npz"
    photos, image, output = len(facts["golden"]), facts["input"], facts["output"]
    shapes = {"pixels": (photos, image["height_px"], image["width_px"], 3), "outputs": (photos, output["shape"][-1])}
    dtypes = {"pixels": np.dtype(np.uint8), "outputs": np.dtype(output["dtype"])}
    # Sizes are compared before anything is loaded: a small board would run out of memory on a wrong file.
    with zipfile.ZipFile(path) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
    for name, shape in shapes.items():
        array_bytes = int(np.prod(shape)) * dtypes[name].itemsize
        if not array_bytes <= sizes.pop(f"{name}.npy", -1) <= array_bytes + HEADER_LIMIT_BYTES:
            raise SystemExit(f"{path.name}: {name} is missing or has another size than in model.json")
    if sizes:
        raise SystemExit(f"{path.name}: unexpected arrays {', '.join(sorted(sizes))}")
    with np.load(path, allow_pickle=False) as arrays:
        expected = {name: arrays[name] for name in shapes}
    for name, array in expected.items():
        if array.shape != shapes[name] or array.dtype != dtypes[name]:
            raise SystemExit(f"{path.name}: {name} is {array.dtype} {array.shape}, unlike in model.json")
    return expected


def _check_pixels(facts: dict[str, Any], expected: Array) -> tuple[bool, str]:
    """Check that Pillow decodes and resizes the golden photos here as it did in the build."""
    image = facts["input"]
    images = [
        pixels.load_photo(HERE / name, image["height_px"], image["width_px"], image["fit"]) for name in facts["golden"]
    ]
    return _compare(facts, "pixels", _compute_differences(images, expected))


def _check_outputs(facts: dict[str, Any], model: Any, expected: dict[str, Array]) -> tuple[bool, str]:
    """Check the outputs of the model.

    It predicts the pixels of the build, not those decoded here: a difference in decoding is not counted twice.
    """
    outputs = [model.predict(image) for image in expected["pixels"]]
    if any(output.dtype != expected["outputs"].dtype for output in outputs):
        return False, f"the output is {outputs[0].dtype}, that of the build is {expected['outputs'].dtype}"
    return _compare(facts, "output", _compute_differences(outputs, expected["outputs"]))


def _check_answers(facts: dict[str, Any], model: Any, images: Array) -> tuple[bool, str]:
    """Check the similarity of the golden photos to the reference features, and the answers that follow from it."""
    thresholds = answers.Thresholds.load(facts, HERE)
    if not thresholds.is_set:
        return True, "this bundle has no thresholds, so every photo has a label"
    expected = facts["answers"]["golden"]
    if len(expected) != len(images):
        raise SystemExit(f"model.json has {len(expected)} answers for {len(images)} golden photos")
    actual = []
    for image in images:
        output = model.dequantize(model.predict(image))
        probabilities = classify.compute_probabilities(output, facts["output"]["labels"])
        actual.append(thresholds.answer(probabilities, model.get_features()).to_json())
    differences = [abs(actual[row]["similarity"] - expected[row]["similarity"]) for row in range(len(actual))]
    ok, detail = _compare(facts, "similarity", differences)
    rows = [row for row in range(len(actual)) if not _is_explained(actual[row], expected[row])]
    if rows:
        return False, f"{detail}; another answer from the same numbers: {facts['golden'][rows[0]]}"
    same = sum(all(actual[row][key] == expected[row][key] for key in DECISIONS) for row in range(len(actual)))
    return ok, f"{detail}, {same} answers as in the build"


def _is_explained(answer: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Return whether an answer is that of the build, or differs because one of its numbers does."""
    numbers = ("similarity", "probability")
    return answer == expected or any(answer[name] != expected[name] for name in numbers)


def _check_runtime(facts: dict[str, Any], model: Any) -> tuple[bool, str]:
    """Check that the kernels run with which the build predicted the golden photos."""
    if not facts["runtime"]["accelerated"]:
        return True, f"this model does not use {runtime.FAST_KERNELS}"
    if model.accelerated:
        return True, f"{runtime.FAST_KERNELS} runs"
    return False, f"{runtime.FAST_KERNELS} does not run: slower, and predictions may differ from the build"


def _compare(facts: dict[str, Any], name: str, differences: Sequence[float]) -> tuple[bool, str]:
    """Compare the largest difference of each photo with the tolerance of that name in model.json."""
    tolerance = facts["tolerances"][name]
    # bool is a subclass of int, and an infinite tolerance would accept anything.
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not 0 <= tolerance < float("inf"):
        raise SystemExit(f"model.json: tolerances.{name} is {tolerance!r}, not a finite number of at least 0")
    worst = int(np.argmax(differences))
    # A NaN compares as false, so it fails.
    ok = all(difference <= tolerance for difference in differences)
    photo = f" ({facts['golden'][worst]})" if differences[worst] else ""
    detail = f"largest difference {differences[worst]:.6g}, tolerance {tolerance:g}{photo}"
    return ok, f"{len(differences)} photos, {detail}"


def _compute_differences(arrays: Sequence[Array], expected: Array) -> list[float]:
    """Return the largest absolute difference of each photo; infinity where the shapes differ."""
    differences = []
    for index in range(len(expected)):
        actual, reference = arrays[index], expected[index]
        if actual.shape != reference.shape:
            differences.append(float("inf"))
        else:
            # In float64: a difference of uint8 would wrap around.
            differences.append(float(np.max(np.abs(actual.astype(np.float64) - reference.astype(np.float64)))))
    return differences


if __name__ == "__main__":
    sys.exit(main())
