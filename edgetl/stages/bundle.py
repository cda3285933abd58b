"""The records of a build → the folder for the device: model, labels, facts, programs, golden photos, checksums.

Every copied file is compared with the sha256 in its record: a file that has changed since is not shipped.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core import methods
from edgetl.core.device import answer_facts, bundle_files
from edgetl.core.device.bundle_files import BundleContents, GoldenSet
from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError, DataError, StageError
from edgetl.core.formats import FORMATS, KernelSet
from edgetl.core.generators.generators import GENERATORS
from edgetl.core.photos import pixel_store, pixels
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import Bundle
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.requests import BundleRequest
from edgetl.core.run.fingerprint import installed_version
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, LARGEST_RECORD_BYTES, read_regular
from edgetl.engines.backends import BACKENDS

# Their versions go into model.json, with those of the converter and the runtime.
_PACKAGES = ("edgetl", "numpy", "pillow")


def bundle_artifact(work: Workspace, request: BundleRequest) -> Bundle:
    """Predict the golden photos and write the bundle.

    Raises:
        ConfigError: the target does not accept this kind of file.
        DataError: a golden photo changed, or a label cannot be written.
        StageError: the records belong to different builds, or a file does not match its record.
    """
    root = work.folder / "bundle"
    root.mkdir()
    return write_bundle(
        BundleContents(
            target=request.target,
            trained=request.trained,
            artifact=request.artifact,
            verdict=request.verdict,
            dataset=request.dataset,
            recipe=request.recipe.tables(),
            golden=_predict_golden(request),
            answers=request.answers,
            memory=request.memory,
        ),
        root,
    )


def write_bundle(contents: BundleContents, folder: Path) -> Bundle:
    """Write the bundle into an existing, empty folder.

    Raises:
        ConfigError: the target does not accept this kind of file.
        DataError: a golden photo changed, or a label cannot be written.
        StageError: the records belong to different builds, or a file does not match its record.
    """
    _check_contents(contents)
    row = FORMATS[contents.artifact.format]
    packages = dict.fromkeys((*_PACKAGES, *row.converter_packages, row.runtime_package))
    facts = bundle_files.describe_model(contents, {package: installed_version(package) for package in packages})
    files = {
        bundle_files.name_model_file(contents.artifact): _read_checked(
            contents.artifact.path, contents.artifact.sha256
        ),
        "labels.txt": bundle_files.format_labels(contents.trained.classes).encode(),
        "model.json": bundle_files.format_json(facts).encode(),
        "pixels.py": Path(pixels.__file__).read_bytes(),
        **_write_requirements(contents.target),
        bundle_files.GOLDEN_ARRAYS: bundle_files.pack_golden_arrays(contents.golden),
        **_read_reference(contents.answers),
        **{file.name: read_regular(file.path, LARGEST_RECORD_BYTES) for file in contents.target.payload},
        **_read_golden_photos(contents),
    }
    for generator in contents.target.generate:
        files |= GENERATORS[generator](contents, files)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    # SHA256SUMS lists all files but itself.
    files[bundle_files.CHECKSUMS] = bundle_files.format_checksums(digests).encode("ascii")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Bundle(
        root=folder,
        target=contents.target.id,
        method=contents.artifact.method,
        artifact_sha256=contents.artifact.sha256,
        files={name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
        bytes=sum(len(content) for content in files.values()),
    )


def _predict_golden(request: BundleRequest) -> GoldenSet:
    artifact, photos = request.artifact, request.golden_photos
    photo_pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], request.trained.input)
    # The device must reproduce these outputs, so they are computed with the kernels that it has.
    kernels = request.target.choose_kernels(artifact.format)
    predictions = BACKENDS[artifact.format].predict(artifact.path, photo_pixels, kernels, lambda _: None)
    return GoldenSet(
        photos=photos,
        pixels=photo_pixels.rows(range(len(photos))),
        outputs=predictions.raw,
        answers=_answer_golden(request, photo_pixels, kernels),
    )


def _answer_golden(request: BundleRequest, photos: Pixels, kernels: KernelSet) -> tuple[dict[str, Any], ...]:
    """Return the answers to the golden photos; none for a file without features."""
    if not request.answers:
        return ()
    (rule,) = request.answers
    trained = request.trained
    output = {
        "labels": list(trained.classes),
        **({"thresholds": list(trained.threshold_values)} if trained.thresholds else {}),
    }
    thresholds = answer_facts.describe_answer_rule(rule, multi_label=bool(trained.thresholds))
    both = BACKENDS[request.artifact.format].predict_features(request.artifact.path, photos, kernels, lambda _: None)
    reference = np.load(io.BytesIO(_read_reference(request.answers)[answer_facts.FEATURES_FILE]), allow_pickle=False)
    facts = {"output": output, "answers": thresholds}
    answers = answer_facts.compute_answers(facts, reference, both.scores, both.features)
    return tuple(answer.to_json() for answer in answers)


def _check_contents(contents: BundleContents) -> None:
    accepts = contents.target.accepts
    artifact = contents.artifact
    if artifact.format not in accepts.formats or methods.find_family(artifact.method) not in accepts.methods:
        raise ConfigError(
            f"target {contents.target.id} accepts no {artifact.format} file made by {artifact.method}",
            where=(contents.target.source,),
            hint=f"it accepts {', '.join(accepts.formats)} made by {', '.join(accepts.methods)}",
        )
    pairs = {
        "artifact and trained model": (artifact.trained_sha256, contents.trained.sha256),
        "verdict and artifact": (contents.verdict.artifact_sha256, artifact.sha256),
        "trained model and dataset": (contents.trained.dataset_sha256, contents.dataset.sha256),
        "labels and classes": (contents.trained.classes, contents.dataset.classes),
    }
    for rule in contents.answers:
        pairs["answers and artifact"] = (rule.artifact_sha256, artifact.sha256)
    for names, (left, right) in pairs.items():
        if left != right:
            raise StageError(f"{names} belong to different builds", where=(artifact.path,))
    golden = contents.golden
    count = len(golden.photos)
    expected = {
        "pixels": (golden.pixels, (count, *contents.trained.input.shape), "uint8"),
        "outputs": (golden.outputs, (count, artifact.output.shape[-1]), artifact.output.dtype),
    }
    for name, (array, shape, dtype) in expected.items():
        if array.shape != shape or array.dtype != np.dtype(dtype) or not count:
            raise StageError(f"golden {name} are {array.dtype} {array.shape} and should be {dtype} {shape}")
    if contents.answers and len(golden.answers) != count:
        raise StageError(f"{len(golden.answers)} answers to {count} golden photos")


def _read_checked(path: Path, sha256: str, title: str = "the model") -> bytes:
    content = read_regular(path, LARGEST_MODEL_BYTES, follow_links=False)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StageError(f"{title} changed since it was verified", where=(path,))
    return content


def _write_requirements(target: Target) -> dict[str, bytes]:
    """Write requirements.txt, by its name; nothing for a device without Python."""
    return {"requirements.txt": bundle_files.format_requirements(target).encode()} if target.runtime.python else {}


def _read_reference(answers: tuple[AnswerRule, ...]) -> dict[str, bytes]:
    """Read the reference features of a file that has some, by their name in the bundle."""
    if not answers:
        return {}
    (rule,) = answers
    return {answer_facts.FEATURES_FILE: _read_checked(rule.path, rule.sha256, answer_facts.FEATURES_FILE)}


def _read_golden_photos(contents: BundleContents) -> dict[str, bytes]:
    """Read the golden photos by their names in the bundle; each must still decode to the pixels that were predicted."""
    photos, input_spec = contents.golden.photos, contents.trained.input
    names = bundle_files.name_golden_files(photos, contents.dataset.classes)
    files: dict[str, bytes] = {}
    for name, photo, expected in zip(names, photos, contents.golden.pixels, strict=True):
        path = contents.dataset.root / photo.path
        content = read_regular(path, pixels.MAX_BYTES) if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != photo.sha256:
            raise DataError("a photo changed since it was scanned", where=(path,), hint="build again from the photos")
        if not np.array_equal(
            pixels.decode_photo(content, input_spec.height_px, input_spec.width_px, input_spec.fit), expected
        ):
            raise StageError("golden pixels are not those of their photo", where=(path,))
        files[name] = content
    return files
