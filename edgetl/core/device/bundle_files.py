"""What goes into a bundle besides copies: the facts in model.json, checksums, requirements, golden arrays.

In: the records of a build. Out: names, text and bytes, always the same for the same records: no time, no path of this
machine. `stages.bundle` writes them.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from edgetl.core.device.targets import Target
from edgetl.core.errors import DataError
from edgetl.core.methods import find_method
from edgetl.core.recipe.resolve import strip_folders
from edgetl.core.records import Artifact, Dataset, Photo, Trained, Verdict

SCHEMA = 1
GOLDEN_BYTES = 2_000_000
CHECKSUMS = "SHA256SUMS"
GOLDEN_ARRAYS = "golden/expected.npz"

# LiteRT on x86-64 and arm64, measured: float32 answers differ by 2e-5 at most, int8 answers by one step at most.
_FLOAT_TOLERANCE = 1e-4
_INTEGER_TOLERANCE_STEPS = 1
# An int8 softmax or sigmoid has 256 steps over 0..1 whatever the model. Source: TFLite 8-bit quantization
# specification, SOFTMAX and LOGISTIC, output scale 1/256. A file with int8 weights alone rounds its activations too.
_DEQUANTIZED_TOLERANCE = 1 / 256
# An .onnx file ends in a float softmax over integers: one step of those, 0.2 where they span 50, times its steepest
# slope, 1/4. Without integers among the activations, rounded weights are floats like any other.
_SOFTMAX_TOLERANCE = 1 / 16

_VERDICT_FACTS = {
    "part",
    "photos",
    "reference_accuracy",
    "accuracy",
    "broke",
    "fixed",
    "drop",
    "drop_low",
    "drop_high",
    "confidence",
    "limit_drop",
    "outcome",
    "agreement",
    "worst_class",
}


@dataclass(frozen=True, kw_only=True)
class GoldenSet:
    """Photos with what the build made of them.

    `pixels` is uint8 [photos, side, side, 3]; `outputs` is [photos, units] in the artifact's own output dtype.
    """

    photos: tuple[Photo, ...]
    pixels: np.ndarray
    outputs: np.ndarray


@dataclass(frozen=True, kw_only=True)
class BundleContents:
    """Everything a bundle is made of. `recipe` is `Recipe.tables()`."""

    target: Target
    trained: Trained
    artifact: Artifact
    verdict: Verdict
    dataset: Dataset
    recipe: dict[str, Any]
    golden: GoldenSet


def select_golden_photos(dataset: Dataset, count: int = 8) -> tuple[Photo, ...]:
    """Small test photos, evenly from the classes, at most GOLDEN_BYTES together (one photo may be larger alone).

    Raises:
        DataError: no test photo is left where the dataset says.
    """
    waiting: dict[int, list[tuple[int, str, Photo]]] = {}
    for photo in dataset.test:
        file = dataset.root / photo.path
        if file.is_file():
            waiting.setdefault(photo.label, []).append((file.stat().st_size, photo.path, photo))
    if not waiting:
        raise DataError("no test photos to put into the bundle", where=(dataset.root,))
    rows = [sorted(waiting[label], key=lambda item: item[:2]) for label in sorted(waiting)]
    if len(rows) > count:
        rows = [rows[index * len(rows) // count] for index in range(count)]
    # Round by round, one of each class, the smallest first.
    turns = [row[turn] for turn in range(max(map(len, rows))) for row in rows if turn < len(row)]
    chosen: list[Photo] = []
    left_bytes = GOLDEN_BYTES
    for size_bytes, _, photo in turns:
        if len(chosen) < count and size_bytes <= left_bytes:
            chosen.append(photo)
            left_bytes -= size_bytes
    return tuple(chosen) or (min(turns, key=lambda item: item[:2])[2],)


def name_golden_files(photos: Sequence[Photo], classes: Sequence[str]) -> tuple[str, ...]:
    """Names in the bundle such as golden/0_daisy.jpg. A class is a folder's name and may hold any character."""
    names = []
    for index, photo in enumerate(photos):
        label = re.sub(r"[^A-Za-z0-9]+", "_", classes[photo.label]).strip("_")[:40] or "class"
        suffix = PurePosixPath(photo.path).suffix.lower()
        names.append(f"golden/{index}_{label}{suffix if re.fullmatch(r'[.][a-z0-9]{1,5}', suffix) else ''}")
    return tuple(names)


def describe_model(job: BundleContents, versions: Mapping[str, str]) -> dict[str, Any]:
    """The content of model.json: what the model eats and answers, how far a device may differ, where it comes from.

    Args:
        job: the records.
        versions: package → version of what took part in the build, edgetl among them.
    """
    trained, artifact = job.trained, job.artifact
    return {
        "schema": SCHEMA,
        "created_by": f"edgetl {versions['edgetl']}",
        "target": job.target.id,
        "model": model_file_name(artifact),
        "input": {
            **artifact.input.model_dump(mode="json"),
            "side_px": trained.input.side_px,
            "fit": trained.input.fit,
        },
        "preprocessing": (
            f"pixels.load(photo, {trained.input.side_px}, {trained.input.fit!r}) of the pixels.py beside this file: "
            "uint8 RGB [side, side, 3], 0..255. The model eats that as it is: every scaling is inside it"
        ),
        "output": {
            **artifact.output.model_dump(mode="json"),
            "activation": trained.activation,
            "labels": list(trained.classes),
        },
        "tolerances": {"pixels": 0, "output": compute_output_tolerance(artifact)},
        "runtime": {
            "accelerated": job.target.runtime.accelerated and find_method(artifact.method).activations != "int16",
            "python": job.target.runtime.python,
            "architectures": list(list_architectures(job.target)),
            "systems": list(job.target.runtime.systems),
        },
        "golden": list(name_golden_files(job.golden.photos, job.dataset.classes)),
        "provenance": {
            "base": trained.base,
            "method": artifact.method,
            "trained_sha256": trained.sha256,
            "artifact_sha256": artifact.sha256,
            "dataset_sha256": job.dataset.sha256,
            "verdict": job.verdict.model_dump(mode="json", include=_VERDICT_FACTS),
            "recipe": strip_folders(job.recipe),
            "versions": dict(sorted(versions.items())),
        },
    }


def model_file_name(artifact: Artifact) -> str:
    """The model's file in the bundle."""
    return f"model.{artifact.format}"


def compute_output_tolerance(artifact: Artifact) -> float:
    """How far a device's output may lie from the build's, in the output tensor's own numbers."""
    if artifact.output.scale:
        return _INTEGER_TOLERANCE_STEPS
    if artifact.format == "onnx":
        return _SOFTMAX_TOLERANCE if find_method(artifact.method).calibrated else _FLOAT_TOLERANCE
    int8 = find_method(artifact.method).weights == "int8" and find_method(artifact.method).activations != "int16"
    return _DEQUANTIZED_TOLERANCE if int8 else _FLOAT_TOLERANCE


def format_json(value: object) -> str:
    """JSON for people: indented, in the order given."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def format_labels(classes: Sequence[str]) -> str:
    """One label a line, in the order of the model's outputs.

    Raises:
        DataError: a label that is no line.
    """
    for name in classes:
        if name.splitlines() != [name]:
            raise DataError(f"the class {name!r} cannot be written on one line", hint="rename its folder")
    return "".join(f"{name}\n" for name in classes)


def list_architectures(target: Target) -> tuple[str, ...]:
    """Where the bundle runs: the board's architectures, or for no board in particular all that have a runtime."""
    packages = target.runtime.packages
    return target.device.arch if target.device else tuple(arch for arch in packages if arch != "any")


def format_requirements(target: Target) -> str:
    """What pip installs on the device, by architecture and Python version."""
    versions = re.findall(r"([<>=!]+)(3\.\d+)", target.runtime.python)
    pythons = " and ".join(f'python_version {operator} "{version}"' for operator, version in versions)
    lines = [f"# {target.title}: Python {target.runtime.python}"]
    for arch, packages in target.runtime.packages.items():
        if arch not in ("any", *list_architectures(target)):
            continue
        marker = pythons if arch == "any" else f'platform_machine == "{arch}" and {pythons}'
        lines += [f"{package} ; {marker}" for package in packages]
    return "\n".join(lines) + "\n"


def pack_golden_arrays(golden: GoldenSet) -> bytes:
    """An .npz of `pixels` and `outputs`, the same bytes for the same arrays.

    numpy.savez leaves the entries' time to the zipfile module; here it is stated. Nothing is compressed, because the
    compressed bytes would depend on the version of zlib.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in (("pixels", golden.pixels), ("outputs", golden.outputs)):
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(entry, content.getvalue())
    return buffer.getvalue()


def format_checksums(digests: Mapping[str, str]) -> str:
    """The text of SHA256SUMS: `sha256sum -c` reads it; its last line, a comment there, covers the lines above it."""
    body = "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))
    return f"{body}# {hashlib.sha256(body.encode('ascii')).hexdigest()}  the lines above\n"
