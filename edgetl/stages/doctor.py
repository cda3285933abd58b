"""This machine → findings: whether it has what edgetl needs, and what to do where it has not."""

import platform
import shutil
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core import machine
from edgetl.core.device.judges import JUDGES, Judge
from edgetl.core.network import bases, weights_download
from edgetl.core.network.weights_download import WeightsFile
from edgetl.core.record import Record
from edgetl.core.run.fingerprint import installed_version
from edgetl.core.storage import cache
from edgetl.engines.keras import model as keras_model
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import runtime as tflite_runtime

PACKAGES = (
    "edgetl",
    "tensorflow",
    "keras",
    "tf_keras",
    "tensorflow-model-optimization",
    "ai-edge-litert",
    "tf2onnx",
    "onnx",
    "onnxruntime",
    "scikit-learn",
    "threadpoolctl",
    "cleanlab",
    "matplotlib",
    "jinja2",
    "markupsafe",
    "h5py",
    "protobuf",
    "flatbuffers",
    "threadpoolctl",
    "numpy",
    "pillow",
    "pydantic",
    "pydantic-core",
    "rich",
    "typer",
)
_PYTHONS = ((3, 11), (3, 12), (3, 13))
# The pixel store of 10 000 photos of 224 px takes 1.5 GB.
_FREE_BYTES = 2_000_000_000


class Finding(Record):
    """The result of one check. `ok` is false where edgetl will not work; `detail` is a phrase."""

    subject: str
    ok: bool
    detail: str


def check_machine() -> tuple[Finding, ...]:
    """Check system, Python, packages, the device that Keras computes on, LiteRT's kernels, weights and disk."""
    return (
        _check_system(),
        _check_python(),
        *(_check_package(name) for name in PACKAGES),
        *map(_check_judge, JUDGES.values()),
        _check_device(),
        _check_xnnpack(),
        *_check_weights(),
        _check_disk(),
    )


def _check_system() -> Finding:
    # The pixel store and the run folder use posix_fallocate, prctl and flock.
    system = platform.system()
    detail = system if system == "Linux" else f"{system}: edgetl runs on Linux only"
    return Finding(subject="system", ok=system == "Linux", detail=detail)


def _check_python() -> Finding:
    detail = f"{platform.python_version()} on {platform.machine()}, {machine.count_cores()} cores"
    return Finding(subject="python", ok=sys.version_info[:2] in _PYTHONS, detail=detail)


def _check_package(name: str) -> Finding:
    version = installed_version(name)
    return Finding(subject=name, ok=version != "absent", detail=version)


def _check_judge(judge: Judge) -> Finding:
    # Only targets that name a judge need it.
    absence = judge.explain_absence()
    detail = f"{absence}; only targets that are judged in it need it: {judge.install}" if absence else judge.describe()
    return Finding(subject=judge.title, ok=True, detail=detail)


def _check_device() -> Finding:
    device = keras_model.get_device()
    note = "" if not device.startswith("cpu") else ": no GPU, training runs on the processor"
    return Finding(subject="Keras computes on", ok=True, detail=f"{keras_model.get_backend()} {device}{note}")


def _check_xnnpack() -> Finding:
    with TemporaryDirectory(prefix="edgetl-") as folder:
        path = Path(folder) / "smallest.tflite"
        path.write_bytes(tflite_convert.make_smallest_model())
        runs = tflite_runtime.runs_xnnpack(path)
    # Without a readable /sys, LiteRT falls back to slower kernels without a message.
    detail = "runs" if runs else "does not start: LiteRT needs a readable /sys"
    return Finding(subject="XNNPACK", ok=runs, detail=detail)


def _check_weights() -> tuple[Finding, ...]:
    """Say which ImageNet weights are at hand, and which a build would download."""
    folder = bases.locate_keras_home() / "models"
    files = weights_download.list_published_weights()
    present = [file for file in files if file.present]
    absent = [file for file in files if not file.present]
    here = f"{len(present)} of {len(files)} files in {folder}" + (f": {_name_weights(present)}" if present else "")
    rows = [Finding(subject="ImageNet weights", ok=True, detail=here)]
    if absent:
        detail = f"downloaded when a build needs them: {_name_weights(absent)}"
        rows.append(Finding(subject="absent weights", ok=True, detail=detail))
    return tuple(rows)


def _name_weights(files: Sequence[WeightsFile]) -> str:
    """Name the bases of files, with the widths where a base has several."""
    names: list[str] = []
    for base, group in groupby(files, key=lambda file: file.base):
        alphas = " ".join(f"{file.alpha:g}" for file in group) if bases.find_base(base).has_widths else ""
        names.append(f"{base} {alphas}".strip())
    return ", ".join(names)


def _check_disk() -> Finding:
    root = cache.locate_cache()
    # The cache may not exist yet: the disk is that of its nearest folder.
    existing = next(path for path in (root, *root.parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    used = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    detail = f"{root} has {used / 1e9:.1f} GB, {free / 1e9:.0f} GB free; it may be deleted at any time"
    return Finding(subject="cache", ok=free > _FREE_BYTES, detail=detail)
