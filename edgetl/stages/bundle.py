"""Put together the folder that travels to the device.

In: the records of a build and an empty folder. Out: a Bundle: model, labels, facts, programs, golden photos, checksums.
Whatever is copied is compared with the sha256 its record gives, so a file that changed since is not shipped.
"""

import hashlib
from pathlib import Path

import numpy as np

from edgetl.core import methods
from edgetl.core.device import bundle_files
from edgetl.core.device.bundle_files import BundleContents, GoldenSet
from edgetl.core.errors import ConfigError, DataError, StageError
from edgetl.core.formats import FORMATS
from edgetl.core.photos import pixels
from edgetl.core.records import Bundle
from edgetl.core.runs import installed_version

__all__ = ["BundleContents", "GoldenSet", "bundle"]

_PACKAGES = ("edgetl", "numpy", "pillow")


def bundle(job: BundleContents, folder: Path) -> Bundle:
    """Write the bundle.

    Args:
        job: what it is made of; the caller has run the artifact over the golden photos.
        folder: an existing empty folder that holds the bundle and nothing else, later too.

    Raises:
        ConfigError: the target does not take this kind of file.
        DataError: a golden photo changed or a label cannot be written.
        StageError: the records belong to different builds, or a file is not what its record says.
    """
    _check(job)
    form = FORMATS[job.artifact.format]
    packages = dict.fromkeys((*_PACKAGES, *form.converter_packages, form.runtime_package))
    facts = bundle_files.describe_model(job, {package: installed_version(package) for package in packages})
    files = {
        bundle_files.model_file_name(job.artifact): _proved(job.artifact.path, job.artifact.sha256),
        "labels.txt": bundle_files.format_labels(job.trained.classes).encode(),
        "model.json": bundle_files.format_json(facts).encode(),
        "pixels.py": Path(pixels.__file__).read_bytes(),
        "requirements.txt": bundle_files.format_requirements(job.target).encode(),
        bundle_files.GOLDEN_ARRAYS: bundle_files.pack_golden_arrays(job.golden),
        **{file.name: file.path.read_bytes() for file in job.target.payload},
        **_golden(job),
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files[bundle_files.CHECKSUMS] = bundle_files.format_checksums(digests).encode("ascii")
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return Bundle(
        root=folder,
        target=job.target.id,
        method=job.artifact.method,
        artifact_sha256=job.artifact.sha256,
        files={name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
        bytes=sum(len(content) for content in files.values()),
    )


def _check(job: BundleContents) -> None:
    accepts = job.target.accepts
    if job.artifact.format not in accepts.formats or methods.find_family(job.artifact.method) not in accepts.methods:
        raise ConfigError(
            f"target {job.target.id} takes no {job.artifact.format} file made by {job.artifact.method}",
            where=(job.target.source,),
            hint=f"it takes {', '.join(accepts.formats)} made by {', '.join(accepts.methods)}",
        )
    pairs = {
        "artifact and trained model": (job.artifact.trained_sha256, job.trained.sha256),
        "verdict and artifact": (job.verdict.artifact_sha256, job.artifact.sha256),
        "trained model and dataset": (job.trained.dataset_sha256, job.dataset.sha256),
        "labels and classes": (job.trained.classes, job.dataset.classes),
    }
    for what, (left, right) in pairs.items():
        if left != right:
            raise StageError(f"{what} belong to different builds", where=(job.artifact.path,))
    golden, side = job.golden, job.trained.input.side_px
    count = len(golden.photos)
    expected = {
        "pixels": (golden.pixels, (count, side, side, 3), "uint8"),
        "outputs": (golden.outputs, (count, job.artifact.output.shape[-1]), job.artifact.output.dtype),
    }
    for what, (array, shape, dtype) in expected.items():
        if array.shape != shape or array.dtype != np.dtype(dtype) or not count:
            raise StageError(f"golden {what} are {array.dtype} {array.shape} and should be {dtype} {shape}")


def _proved(path: Path, sha256: str) -> bytes:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StageError("the model changed since it was verified", where=(path,))
    return content


def _golden(job: BundleContents) -> dict[str, bytes]:
    """Name in the bundle → bytes of the photo, which must still give exactly the pixels that the model was run on."""
    photos = job.golden.photos
    names = bundle_files.name_golden_files(photos, job.dataset.classes)
    files: dict[str, bytes] = {}
    for name, photo, expected in zip(names, photos, job.golden.pixels, strict=True):
        path = job.dataset.root / photo.path
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != photo.sha256:
            raise DataError("a photo changed since it was scanned", where=(path,), hint="build again from the photos")
        if not np.array_equal(pixels.decode_photo(content, job.trained.input.side_px, job.trained.input.fit), expected):
            raise StageError("golden pixels are not those of their photo", where=(path,))
        files[name] = content
    return files
