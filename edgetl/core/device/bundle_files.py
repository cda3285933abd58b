"""Records of a build → the generated files of a bundle: model.json, checksums, requirements, golden arrays.

The same records always give the same bytes: no time and no path of this machine is written. `stages.bundle` writes the
files.
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

from edgetl.core.device.answer_facts import compute_similarity_tolerance, describe_answer_rule, rounds_activations
from edgetl.core.device.targets import Target
from edgetl.core.errors import DataError
from edgetl.core.formats import FORMATS
from edgetl.core.methods import find_method
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.recipe.resolve import strip_folders
from edgetl.core.records import Artifact, Dataset, Photo, Trained
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.verdict_records import Verdict

# 1 had `side_px` of a square input in place of `height_px` and `width_px`.
SCHEMA = 2
# Of a bundle with thresholds of labels: a reader that knows SCHEMA only would take them for classes.
LABELS_SCHEMA = 3
GOLDEN_BYTES = 2_000_000
CHECKSUMS = "SHA256SUMS"
GOLDEN_ARRAYS = "golden/expected.npz"
# The same number as in check_files.py and setup.sh of a bundle.
IDENTITY_DIGITS = 12

# Measured with LiteRT on x86-64 and arm64: float32 outputs differ by at most 2e-5, int8 outputs by at most one step.
_FLOAT_TOLERANCE = 1e-4
_INTEGER_TOLERANCE_STEPS = 1

_VERDICT_FACTS = {
    "part",
    "photos",
    "measure",
    "reference_accuracy",
    "accuracy",
    "reference_balanced_accuracy",
    "balanced_accuracy",
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
    """Photos with the pixels and outputs that the build computed, which a device must reproduce.

    Attributes:
        photos: the photos.
        pixels: uint8 [photos, height, width, 3].
        outputs: [photos, units] in the output dtype of the artifact.
        answers: to each photo, as one line of JSON of classify.py has it; empty for a file without features.
    """

    photos: tuple[Photo, ...]
    pixels: np.ndarray
    outputs: np.ndarray
    answers: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class BundleContents:
    """Everything that a bundle is made from. `recipe` is `Recipe.tables()`."""

    target: Target
    trained: Trained
    artifact: Artifact
    verdict: Verdict
    dataset: Dataset
    recipe: dict[str, Any]
    golden: GoldenSet
    answers: tuple[AnswerRule, ...] = ()
    memory: tuple[MemoryUse, ...] = ()


def select_golden_photos(dataset: Dataset, count: int = 8) -> tuple[Photo, ...]:
    """Select small test photos, evenly from the classes.

    Together they have at most GOLDEN_BYTES; if every photo is larger, only the smallest is selected.

    Raises:
        DataError: no test photo is in the folder of the dataset any more.
    """
    files_of_class: dict[int, list[tuple[int, str, Photo]]] = {}
    for photo in dataset.test:
        file = dataset.root / photo.path
        if file.is_file():
            files_of_class.setdefault(photo.label, []).append((file.stat().st_size, photo.path, photo))
    if not files_of_class:
        raise DataError("no test photos to put into the bundle", where=(dataset.root,))
    classes = [sorted(files_of_class[label], key=lambda file: file[:2]) for label in sorted(files_of_class)]
    if len(classes) > count:
        classes = [classes[index * len(classes) // count] for index in range(count)]
    # The classes take turns, each with its smallest photo first.
    most_photos = max(map(len, classes))
    candidates = [files[turn] for turn in range(most_photos) for files in classes if turn < len(files)]
    selected: list[Photo] = []
    free_bytes = GOLDEN_BYTES
    for size_bytes, _, photo in candidates:
        if len(selected) < count and size_bytes <= free_bytes:
            selected.append(photo)
            free_bytes -= size_bytes
    return tuple(selected) or (min(candidates, key=lambda file: file[:2])[2],)


def name_golden_files(photos: Sequence[Photo], classes: Sequence[str]) -> tuple[str, ...]:
    """Return file names in the bundle, such as golden/0_daisy.jpg."""
    names = []
    for index, photo in enumerate(photos):
        # A class is the name of a folder and may contain any character; the bundle must be unpacked everywhere.
        names_of_photo = "_".join(classes[index] for index in photo.list_classes()) or "none"
        label = re.sub(r"[^A-Za-z0-9]+", "_", names_of_photo).strip("_")[:40] or "class"
        suffix = PurePosixPath(photo.path).suffix.lower()
        names.append(f"golden/{index}_{label}{suffix if re.fullmatch(r'[.][a-z0-9]{1,5}', suffix) else ''}")
    return tuple(names)


def describe_model(contents: BundleContents, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of model.json: input, output, tolerances of a device, runtime and provenance.

    Args:
        contents: the records.
        versions: package → version of everything that took part in the build, including edgetl.
    """
    trained, artifact, target = contents.trained, contents.artifact, contents.target
    return {
        "schema": LABELS_SCHEMA if trained.thresholds else SCHEMA,
        "created_by": f"edgetl {versions['edgetl']}",
        "target": target.id,
        "model": name_model_file(artifact),
        "input": {
            **artifact.input.model_dump(mode="json"),
            "height_px": trained.input.height_px,
            "width_px": trained.input.width_px,
            "fit": trained.input.fit,
        },
        "preprocessing": (
            f"pixels.load_photo(path, {trained.input.height_px}, {trained.input.width_px}, {trained.input.fit!r}) of "
            "the pixels.py beside this file: uint8 RGB [height, width, 3], 0..255. The model takes these values "
            "directly: it contains all scaling"
        ),
        "output": {
            **artifact.output.model_dump(mode="json"),
            "activation": trained.activation,
            "labels": list(trained.classes),
            # A photo has each label whose probability reaches its threshold. Without thresholds, it has one class.
            **({"thresholds": list(trained.threshold_values)} if trained.thresholds else {}),
        },
        **_describe_answers(contents),
        "tolerances": {
            "pixels": 0,
            "output": compute_output_tolerance(artifact),
            **({"similarity": compute_similarity_tolerance(artifact)} if contents.answers else {}),
        },
        "runtime": {
            "accelerated": target.runtime.accelerated and find_method(artifact.method).activations != "int16",
            "python": target.runtime.python,
            "architectures": list(list_architectures(target)),
            "other_architectures": list(list_other_architectures(target)),
            "systems": list(target.runtime.systems),
        },
        "golden": list(name_golden_files(contents.golden.photos, contents.dataset.classes)),
        "provenance": {
            "base": trained.base,
            "method": artifact.method,
            "trained_sha256": trained.sha256,
            "artifact_sha256": artifact.sha256,
            "dataset_sha256": contents.dataset.sha256,
            "verdict": contents.verdict.model_dump(mode="json", include=_VERDICT_FACTS),
            "recipe": strip_folders(contents.recipe),
            "versions": dict(sorted(versions.items())),
        },
    }


def _describe_answers(contents: BundleContents) -> dict[str, Any]:
    if not contents.answers:
        return {}
    (rule,) = contents.answers
    facts = describe_answer_rule(rule, multi_label=bool(contents.trained.thresholds))
    return {"answers": {**facts, "golden": list(contents.golden.answers)}}


def name_model_file(artifact: Artifact) -> str:
    """Return the name of the model file in the bundle."""
    return f"model.{artifact.format}"


def compute_output_tolerance(artifact: Artifact) -> float:
    """Return how much outputs on a device may differ from those of the build, in the values of the output tensor."""
    # A quantized output is compared as integers.
    if artifact.output.scale:
        return _INTEGER_TOLERANCE_STEPS
    return FORMATS[artifact.format].rounded_tolerance if rounds_activations(artifact) else _FLOAT_TOLERANCE


def format_json(value: object) -> str:
    """Format a value as indented JSON that keeps the order of keys. Raises ValueError for NaN, which is not JSON."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def format_labels(classes: Sequence[str]) -> str:
    """Format labels.txt: one label on each line, in the order of the model's outputs.

    Raises:
        DataError: a label that is empty or has several lines.
    """
    # str.splitlines also splits at Unicode's line separators, as readers of labels.txt may.
    for name in classes:
        if name.splitlines() != [name]:
            raise DataError(f"the class {name!r} cannot be written on one line", hint="rename its folder")
    return "".join(f"{name}\n" for name in classes)


def list_architectures(target: Target) -> tuple[str, ...]:
    """List the architectures that a bundle runs on: those of the board, else all that the runtime has packages for."""
    packages = target.runtime.packages
    return target.device.arch if target.device else tuple(arch for arch in packages if arch != "any")


def list_other_architectures(target: Target) -> tuple[str, ...]:
    """List the architectures that are not those of the board, but on which the bundle can be tried."""
    architectures = list_architectures(target)
    return tuple(arch for arch in target.runtime.other_architectures if arch not in architectures)


def format_requirements(target: Target) -> str:
    """Format requirements.txt: packages with markers for architecture and Python version."""
    versions = re.findall(r"([<>=!]+)(3\.\d+)", target.runtime.python)
    pythons = " and ".join(f'python_version {operator} "{version}"' for operator, version in versions)
    lines = [f"# {target.title}: Python {target.runtime.python}"]
    for arch, packages in target.runtime.packages.items():
        if arch not in ("any", *list_architectures(target), *list_other_architectures(target)):
            continue
        marker = pythons if arch == "any" else f'platform_machine == "{arch}" and {pythons}'
        lines += [f"{package} ; {marker}" for package in packages]
    return "\n".join(lines) + "\n"


def pack_golden_arrays(golden: GoldenSet) -> bytes:
    """Pack `pixels` and `outputs` as .npz; the same arrays always give the same bytes.

    numpy.savez writes the current time into the archive. Nothing is compressed: compressed bytes depend on the version
    of zlib.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in (("pixels", golden.pixels), ("outputs", golden.outputs)):
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            # 3 is Unix; the default depends on the operating system.
            entry.create_system = 3
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(entry, content.getvalue())
    return buffer.getvalue()


def format_closing_line(checksums: bytes) -> str:
    """Format the last line of selfcheck.py on a device that computes what the build computed.

    The exit code alone is no proof: a program that was cut off ends with 0 too. The line contains the number of files
    and the first digits of the SHA-256 of SHA256SUMS.

    Args:
        checksums: the content of SHA256SUMS.
    """
    # The last line of SHA256SUMS names no file.
    files, identity = checksums.count(b"\n") - 1, hashlib.sha256(checksums).hexdigest()[:IDENTITY_DIGITS]
    return f"This device computes what the build computed ({files} files, bundle {identity})."


def format_checksums(digests: Mapping[str, str]) -> str:
    """Format SHA256SUMS for `sha256sum -c`. The last line, a comment for it, is the hash of all lines above."""
    body = "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))
    return f"{body}# {hashlib.sha256(body.encode('ascii')).hexdigest()}  the lines above\n"
