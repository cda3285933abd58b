"""Path of a model → which kind it is, or a sentence about what the file is and what to give instead.

The content decides where it has a signature; else the suffix does. Nothing is unpacked.
"""

import json
import zipfile
from pathlib import Path
from typing import Literal

from edgetl.core.errors import ConfigError
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, check_regular, open_regular, read_regular

ModelKind = Literal["keras", "h5", "saved_model", "onnx"]

SAVED_MODEL = "saved_model.pb"
H5_SUFFIXES = (".h5", ".hdf5")
_KERAS = "save the whole model with model.save('FILE.keras')"
_TORCH = "export it: torch.onnx.export(model.eval(), torch.zeros(1, 3, HEIGHT, WIDTH), 'FILE.onnx'), and give FILE.onnx"
_WEIGHTS = f"build the network, load the weights into it with model.load_weights, and {_KERAS}"
_ORIGINAL = "give the model that it was made from: .keras, .h5, .onnx or a SavedModel folder"
_PICKLE = "a Python pickle, which can run code when it is loaded"

# Suffix → what the file is, and what to do. The first that the name ends in counts.
_SUFFIXES = {
    ".weights.h5": ("weights only, without the network", _WEIGHTS),
    ".tflite": ("a TFLite file, which is converted already", _ORIGINAL),
    ".lite": ("a TFLite file, which is converted already", _ORIGINAL),
    ".ort": ("a file for onnxruntime, which is converted already", _ORIGINAL),
    ".pt": ("a model of PyTorch", _TORCH),
    ".pth": ("a model of PyTorch", _TORCH),
    ".pth.tar": ("a checkpoint of PyTorch", _TORCH),
    ".ckpt": ("a checkpoint, which contains weights only", _WEIGHTS),
    ".pt2": ("an exported program of PyTorch", _TORCH),
    ".pte": ("a program of ExecuTorch, which is converted already", _TORCH),
    ".safetensors": ("weights only, without the network", _TORCH),
    ".bin": ("weights only, without the network", _TORCH),
    ".gguf": ("weights of a language model", "give an image classifier: .keras, .h5, .onnx or a SavedModel folder"),
    ".index": ("a checkpoint of TensorFlow, which contains weights only", _WEIGHTS),
    ".data-00000-of-00001": ("a checkpoint of TensorFlow, which contains weights only", _WEIGHTS),
    ".meta": ("a graph of TensorFlow 1", "export it with TensorFlow 2 as a SavedModel, and give its folder"),
    ".pbtxt": (
        "a graph of TensorFlow as text",
        "export the model with TensorFlow 2 as a SavedModel, and give its folder",
    ),
    ".pb": (
        "a frozen graph of TensorFlow 1",
        "export the model with TensorFlow 2: model.export('FOLDER') or tf.saved_model.save, and give FOLDER",
    ),
    ".json": ("the configuration of a network, without its weights", _WEIGHTS),
    ".yaml": ("the configuration of a network, without its weights", _WEIGHTS),
    ".mlmodel": ("a model of Core ML, which is converted already", _ORIGINAL),
    ".mlpackage": ("a model of Core ML, which is converted already", _ORIGINAL),
    ".engine": ("a program of TensorRT for one GPU", _ORIGINAL),
    ".plan": ("a program of TensorRT for one GPU", _ORIGINAL),
    ".trt": ("a program of TensorRT for one GPU", _ORIGINAL),
    ".xml": ("a network of OpenVINO", _ORIGINAL),
    ".caffemodel": ("a model of Caffe", "convert it to ONNX, and give the .onnx file"),
    ".pkl": (_PICKLE, _KERAS),
    ".pickle": (_PICKLE, _KERAS),
    ".joblib": (_PICKLE, _KERAS),
    ".npz": ("arrays of numpy, without the network", _WEIGHTS),
    ".npy": ("an array of numpy, without the network", _WEIGHTS),
    ".tar": ("an archive", "unpack it, and give the model in it"),
    ".gz": ("a compressed file", "unpack it, and give the model in it"),
    ".tgz": ("an archive", "unpack it, and give the model in it"),
    ".7z": ("an archive", "unpack it, and give the model in it"),
}
_TORCH_SUFFIXES = (".pt", ".pth")
# First bytes, from a position → what the file is, and what to do.
_SIGNATURES = (
    (4, b"TFL3", *_SUFFIXES[".tflite"]),
    (4, b"ORTM", *_SUFFIXES[".ort"]),
    (0, b"\x80\x02", _PICKLE, _KERAS),
    (0, b"\x80\x03", _PICKLE, _KERAS),
    (0, b"\x80\x04", _PICKLE, _KERAS),
    (0, b"\x80\x05", _PICKLE, _KERAS),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it, and give the model in it"),
    (0, b"\x93NUMPY", *_SUFFIXES[".npy"]),
    (0, b"version https://git-lfs", "a pointer of Git LFS, and not the model itself", "fetch it with git lfs pull"),
    (0, b"<!DOCTYPE", "a web page", "download the file itself"),
    (0, b"<html", "a web page", "download the file itself"),
)
# A file in a folder → what the folder is, and what to do.
_FOLDERS = {
    "checkpoint": ("a folder of checkpoints, which contain weights only", _WEIGHTS),
    "model.weights.h5": ("an unpacked .keras file", "give the .keras file itself"),
    "model.safetensors": ("a model of Hugging Face", _TORCH),
    "pytorch_model.bin": ("a model of Hugging Face", _TORCH),
    "model.json": ("a model of TensorFlow.js", _ORIGINAL),
    "Manifest.json": ("a model of Core ML, which is converted already", _ORIGINAL),
    "variables.index": ("the variables of a SavedModel", "give the folder above it, which contains saved_model.pb"),
}


def find_kind(path: Path) -> ModelKind:
    """Find out which kind of model a path is.

    Raises:
        ConfigError: no such file, or one of another kind, with what to give instead.
    """
    if path.is_dir():
        return _find_folder_kind(path)
    check_regular(path, "model file")
    name = path.name.lower()
    with open_regular(path) as file:
        begin = file.peek(32)[:32]
    for start, magic, what, hint in _SIGNATURES:
        if begin[start : start + len(magic)] == magic:
            # PyTorch writes pickles too: its suffix is more precise.
            raise _make_error(
                path, *(_SUFFIXES[path.suffix.lower()] if name.endswith(_TORCH_SUFFIXES) else (what, hint))
            )
    if name == SAVED_MODEL:
        raise _make_error(path, "the graph of a SavedModel", f"give its folder: --model {path.parent}")
    for suffix, (what, hint) in _SUFFIXES.items():
        if name.endswith(suffix):
            raise _make_error(path, _describe_json(path) if suffix == ".json" else what, hint)
    if begin.startswith(b"PK\x03\x04") and path.suffix != ".keras":
        raise _make_error(path, *_explain_archive(path))
    if begin.startswith(b"\x89HDF") and path.suffix not in H5_SUFFIXES:
        raise _make_error(path, "an HDF5 file", "its name must end in .h5: rename it")
    if not begin:
        raise ConfigError("the model file is empty", where=(path,), hint="copy or download it again")
    if path.suffix == ".onnx":
        return "onnx"
    if path.suffix in H5_SUFFIXES:
        return "h5"
    if path.suffix == ".keras":
        return "keras"
    raise ConfigError(
        f"not a model that edgetl reads: its name ends in {path.suffix!r}, and not in .keras, .h5, .hdf5 or .onnx",
        where=(path,),
        hint=f"{_KERAS}, or give a SavedModel folder",
    )


def is_graph(path: Path) -> bool:
    """Return whether a model is a graph of operators, and not a file of Keras.

    Raises:
        ConfigError: see `find_kind`.
    """
    return find_kind(path) in ("onnx", "saved_model")


def _find_folder_kind(folder: Path) -> ModelKind:
    if (folder / SAVED_MODEL).is_file():
        return "saved_model"
    names = {entry.name for entry in folder.iterdir()}
    for name, (what, hint) in _FOLDERS.items():
        if name in names:
            raise _make_error(folder, what, hint)
    if any(name.endswith(".index") for name in names):
        raise _make_error(folder, *_FOLDERS["checkpoint"])
    # TensorFlow Serving numbers versions, and downloads put folders into folders.
    inner = sorted(path for path in folder.glob("*") if (path / SAVED_MODEL).is_file())
    inner += sorted(path for path in folder.iterdir() if path.suffix in (".keras", ".onnx", *H5_SUFFIXES))
    hint = f"give the model in it: --model {inner[-1]}" if inner else "a SavedModel folder contains saved_model.pb"
    raise ConfigError("the folder is no model", where=(folder,), hint=hint)


def _explain_archive(path: Path) -> tuple[str, str]:
    """Say what a zip archive is, by the names in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        names = []
    if any(name.endswith("data.pkl") for name in names):
        return "a model of PyTorch, which contains a pickle", _TORCH
    if {"config.json", "model.weights.h5"} <= set(names):
        return "a .keras file under another name", "its name must end in .keras: rename it"
    return "a zip archive", "unpack it, and give the model in it"


def _describe_json(path: Path) -> str:
    try:
        content = json.loads(read_regular(path, LARGEST_RECORD_BYTES))
    except (OSError, ValueError, RecursionError):
        content = {}
    if isinstance(content, dict) and "modelTopology" in content:
        return "a model of TensorFlow.js"
    return _SUFFIXES[".json"][0]


def _make_error(path: Path, what: str, hint: str) -> ConfigError:
    return ConfigError(
        f"{path.name} is no model that edgetl can take as reference, but {what}", where=(path,), hint=hint
    )
