"""This machine → findings: whether it has what edgetl needs, and what to do where it has not."""

import platform
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core import machine
from edgetl.core.network import bases
from edgetl.core.record import Record
from edgetl.core.run.fingerprint import installed_version
from edgetl.core.storage import cache
from edgetl.engines.keras import model as keras_model
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import runtime as tflite_runtime

_PACKAGES = ("edgetl", "tensorflow", "keras", "tf_keras", "ai-edge-litert", "onnx", "onnxruntime", "numpy", "pillow")
_FREE_BYTES = 2_000_000_000


class Finding(Record):
    """The result of one check."""

    subject: str
    good: bool
    found: str


def check_machine() -> tuple[Finding, ...]:
    """Check Python, packages, the device that Keras computes on, LiteRT's kernels, weights and disk."""
    return (
        Finding(subject="python", good=sys.version_info[:2] in ((3, 11), (3, 12), (3, 13)), found=_describe_python()),
        *(
            Finding(subject=name, good=installed_version(name) != "absent", found=installed_version(name))
            for name in _PACKAGES
        ),
        _check_device(),
        _check_xnnpack(),
        _check_weights(),
        _check_disk(),
    )


def _describe_python() -> str:
    return f"{platform.python_version()} on {platform.machine()}, {machine.count_cores()} cores"


def _check_device() -> Finding:
    device = keras_model.get_device()
    note = "" if not device.startswith("cpu") else ": no GPU found, training runs on the processor"
    return Finding(subject="Keras computes on", good=True, found=f"{keras_model.get_backend()} {device}{note}")


def _check_xnnpack() -> Finding:
    with TemporaryDirectory(prefix="edgetl-") as folder:
        path = Path(folder) / "smallest.tflite"
        path.write_bytes(tflite_convert.make_smallest_model())
        runs = tflite_runtime.runs_xnnpack(path)
    found = "runs" if runs else "does not start: LiteRT needs a readable /sys"
    return Finding(subject="XNNPACK", good=runs, found=found)


def _check_weights() -> Finding:
    folder = bases.locate_keras_home() / "models"
    files = sorted(path.name for path in folder.glob("*.h5")) if folder.is_dir() else []
    found = f"{len(files)} weights files in {folder}" if files else f"none in {folder}: imagenet will be downloaded"
    return Finding(subject="ImageNet weights", good=True, found=found)


def _check_disk() -> Finding:
    root = cache.locate_cache()
    existing = next(path for path in (root, *root.parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    used = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    found = f"{root} has {used / 1e9:.1f} GB, {free / 1e9:.0f} GB free; it may be deleted at any time"
    return Finding(subject="cache", good=free > _FREE_BYTES, found=found)
