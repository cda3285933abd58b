"""This machine → findings: what edgetl needs, whether it is there, and what to do where it is not."""

import platform
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core import bases, cache, machine
from edgetl.core.records import Record
from edgetl.core.runs import installed_version
from edgetl.engines.keras import model as keras_model
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import runtime as tflite_runtime

_PACKAGES = ("edgetl", "tensorflow", "keras", "tf_keras", "ai-edge-litert", "onnx", "onnxruntime", "numpy", "pillow")
_ROOM_BYTES = 2_000_000_000


class Finding(Record):
    """One thing that was looked at."""

    subject: str
    good: bool
    found: str


def check_machine() -> tuple[Finding, ...]:
    """Look at Python, packages, the device Keras computes on, LiteRT's kernels, weights and disk."""
    return (
        Finding(subject="python", good=sys.version_info[:2] in ((3, 11), (3, 12), (3, 13)), found=_python()),
        *(
            Finding(subject=name, good=installed_version(name) != "absent", found=installed_version(name))
            for name in _PACKAGES
        ),
        _device(),
        _xnnpack(),
        _weights(),
        _disk(),
    )


def _python() -> str:
    return f"{platform.python_version()} on {platform.machine()}, {machine.count_cores()} cores"


def _device() -> Finding:
    device = keras_model.get_device()
    note = "" if not device.startswith("cpu") else ": no GPU in sight, training runs on the processor"
    return Finding(subject="keras computes on", good=True, found=f"{keras_model.get_backend()} {device}{note}")


def _xnnpack() -> Finding:
    with TemporaryDirectory(prefix="edgetl-") as folder:
        path = Path(folder) / "smallest.tflite"
        path.write_bytes(tflite_convert.make_smallest_model())
        runs = tflite_runtime.runs_xnnpack(path)
    found = "runs" if runs else "does not start: LiteRT needs a readable /sys"
    return Finding(subject="XNNPACK", good=runs, found=found)


def _weights() -> Finding:
    folder = bases.locate_keras_home() / "models"
    files = sorted(path.name for path in folder.glob("*.h5")) if folder.is_dir() else []
    found = f"{len(files)} weights files in {folder}" if files else f"none in {folder}: imagenet will be downloaded"
    return Finding(subject="ImageNet weights", good=True, found=found)


def _disk() -> Finding:
    root = cache.locate_cache()
    place = next(path for path in (root, *root.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    held = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    found = f"{root} holds {held / 1e9:.1f} GB, {free / 1e9:.0f} GB free; what is deleted there is computed anew"
    return Finding(subject="cache", good=free > _ROOM_BYTES, found=found)
