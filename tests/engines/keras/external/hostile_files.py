"""Writes model files that a stranger could send: each is small, and none may be loaded, or exhaust memory or time."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

TERABYTE = 2**40
Config = dict[str, Any]


def read_config(valid: Path) -> Config:
    with zipfile.ZipFile(valid) as archive:
        return json.loads(archive.read("config.json"))


def find_layer(config: Config, class_name: str) -> Config:
    return next(layer for layer in config["config"]["layers"] if layer["class_name"] == class_name)


def rewrite(valid: Path, path: Path, **entries: bytes | None) -> Path:
    """Copy a .keras file with some entries replaced: `config`, `weights`; None removes an entry."""
    names = {"config.json": "config", "model.weights.h5": "weights"}
    with zipfile.ZipFile(valid) as archive, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as copy:
        for entry in archive.namelist():
            content = entries.get(names.get(entry, ""), archive.read(entry))
            if content is not None:
                copy.writestr(entry, content)
    return path


def edit_layer(class_name: str, **values: object) -> Callable[[Path, Path], Path]:
    """Return a function that writes a copy of a .keras file in which a layer has other arguments."""

    def write(valid: Path, path: Path) -> Path:
        config = read_config(valid)
        find_layer(config, class_name)["config"].update(values)
        return rewrite(valid, path, config=json.dumps(config).encode())

    return write


def replace_config(content: bytes) -> Callable[[Path, Path], Path]:
    return lambda valid, path: rewrite(valid, path, config=content)


def replace_file(content: bytes) -> Callable[[Path, Path], Path]:
    def write(_valid: Path, path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def patch_entry(**values: object) -> Callable[[Path, Path], Path]:
    """Return a function that writes an archive whose directory declares something else about config.json."""

    def write(valid: Path, path: Path) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(read_config(valid)))
            for name, value in values.items():
                setattr(archive.infolist()[0], name, value)
        return path

    return write


def write_weights(fill: Callable[[h5py.File], None]) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    return content.getvalue()


def write_h5(fill: Callable[[h5py.File], None]) -> Callable[[Path, Path], Path]:
    def write(_valid: Path, path: Path) -> Path:
        path = path.with_suffix(".h5")
        with h5py.File(path, "w") as file:
            fill(file)
        return path

    return write


def replace_weights(fill: Callable[[h5py.File], None]) -> Callable[[Path, Path], Path]:
    return lambda valid, path: rewrite(valid, path, weights=write_weights(fill))


def declare_terabyte(file: h5py.File) -> None:
    """A dataset that was never written takes no space in the file."""
    file.create_dataset("kernel", shape=(TERABYTE // 4,), dtype="float32", chunks=(1024,))


def declare_huge_chunk(file: h5py.File) -> None:
    file.create_dataset("kernel", shape=(2**29,), dtype="float64", chunks=(2**28 + 1,), maxshape=(None,))


def link_file(file: h5py.File) -> None:
    file["kernel"] = h5py.ExternalLink("/etc/hostname", "/kernel")


def link_group(file: h5py.File) -> None:
    file["kernel"] = h5py.SoftLink("/elsewhere")


def read_other_file(file: h5py.File) -> None:
    file.create_dataset("kernel", shape=(8,), dtype="uint8", external=[("/etc/passwd", 0, 8)])


def make_virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape=(8,), dtype="float32")
    layout[:] = h5py.VirtualSource("/etc/hostname", "kernel", shape=(8,))
    file.create_virtual_dataset("kernel", layout)


def contain_itself(file: h5py.File) -> None:
    file.create_group("group")["again"] = file["/"]


def add_config(text: object) -> Callable[[h5py.File], None]:
    def fill(file: h5py.File) -> None:
        file.attrs["model_config"] = text

    return fill


def write_torch(_valid: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": [1.0]}))
        archive.writestr("archive/data/0", struct.pack("<f", 1.0))
    return path


def write_many_entries(valid: Path, path: Path) -> Path:
    rewrite(valid, path)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(1001):
            archive.writestr(f"assets/{number}", b"")
    return path


def write_same_name_twice(valid: Path, path: Path) -> Path:
    rewrite(valid, path)
    # A reader may check the first and load the second. zipfile warns when it writes such an archive.
    content = path.read_bytes()
    path.write_bytes(
        content.replace(b"metadata.json", b"config.json\0\0").replace(b"config.json\0\0", b"xonfig.json\0\0")
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.jsox", b"{}")
    path.write_bytes(path.read_bytes().replace(b"config.jsox", b"config.json"))
    return path


def write_many_layers(valid: Path, path: Path) -> Path:
    config = read_config(valid)
    config["config"]["layers"] += [find_layer(config, "Dense")] * 5001
    return rewrite(valid, path, config=json.dumps(config).encode())


def write_matrix_of_terabytes(valid: Path, path: Path) -> Path:
    config = read_config(valid)
    layer = find_layer(config, "Dense")
    layer["config"]["units"] = 2**20
    layer["build_config"] = {"input_shape": [None, 2**20]}
    return rewrite(valid, path, config=json.dumps(config).encode())


def call_function(module: str, name: str) -> Callable[[Path, Path], Path]:
    """Return a function that names a function of Python as a layer."""

    def write(valid: Path, path: Path) -> Path:
        config = read_config(valid)
        find_layer(config, "Dense").update({"module": module, "class_name": name, "registered_name": name})
        return rewrite(valid, path, config=json.dumps(config).encode())

    return write


def nest_lists(depth: int) -> bytes:
    return b'{"config": ' + b"[" * depth + b"]" * depth + b"}"


def declare_wrong_shape(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = np.zeros((7, 5), np.float32)


# Name → the function that writes the file, and a part of the sentence that refuses it.
DECLARED: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "empty": (replace_file(b""), "the model file is empty"),
    "text": (replace_file(b"no model\n" * 99), "not a Keras model that can be read"),
    "pickle": (replace_file(pickle.dumps(os.system)), "a Python pickle"),
    "gzip": (replace_file(b"\x1f\x8b\x08\0" + bytes(20)), "a gzip archive"),
    "HDF5 by another name": (replace_file(write_weights(declare_wrong_shape)), "its name must end in .h5"),
    "truncated": (lambda valid, path: replace_file(valid.read_bytes()[:-100])(valid, path), "can be read"),
    "PyTorch": (write_torch, "saved by PyTorch"),
    "no config": (lambda valid, path: rewrite(valid, path, config=None), "contains no config.json"),
    "config of 20 MB": (replace_config(b" " * 20_000_000), "over the limit of 16 MiB"),
    "declared 3 GiB": (patch_entry(file_size=3 * 2**30), "over the limit"),
    "encrypted": (patch_entry(flag_bits=1), "can be read"),
    "unknown compression": (patch_entry(compress_type=99), "can be read"),
    "wrong checksum": (patch_entry(CRC=1), "can be read"),
    "1001 entries": (write_many_entries, "more than 1000 files"),
    "same name twice": (write_same_name_twice, "two files of the same name"),
    "no JSON": (replace_config(b'{"config": '), "cannot be read"),
    "no UTF-8": (replace_config(b'{"config": "\xff"}'), "cannot be read"),
    "100000 brackets": (replace_config(b"[" * 100_000), "nested too deeply"),
    "300 levels": (replace_config(nest_lists(300)), "more than 100 nested levels"),
    "number of 10000 digits": (replace_config(b'{"units": ' + b"9" * 10_000 + b"}"), "cannot be read"),
    "10**12 units": (edit_layer("Dense", units=10**12), "declares units"),
    "2**64 units": (edit_layer("Dense", units=2**64), "declares units"),
    "negative units": (edit_layer("Dense", units=-5), "declares units"),
    "infinite units": (edit_layer("Dense", units=float("inf")), "declares units"),
    "10**9 filters": (edit_layer("Conv2D", filters=10**9), "declares filters"),
    "kernel of 10**6": (edit_layer("Conv2D", kernel_size=[10**6, 10**6]), "declares kernel_size"),
    "input of 2048 px": (edit_layer("InputLayer", batch_shape=[None, 2048, 2048, 3]), "at most 1024 px are possible"),
    "input of 2**63 px": (edit_layer("InputLayer", batch_shape=[None, 2**63, 2**63, 3]), "at most 1024 px"),
    "input of 2**40 channels": (edit_layer("InputLayer", batch_shape=[None, 32, 32, 2**40]), "batch_shape"),
    "input of 10**7 values": (edit_layer("InputLayer", batch_shape=[None, 1024, 1024, 1024]), "declares an input"),
    "5001 layers": (write_many_layers, "more than 5000 layers"),
    "4 TB of weights": (write_matrix_of_terabytes, "more than 2 GiB of weights"),
    "weights of 1 TB": (replace_weights(declare_terabyte), "more than 2 GiB"),
    "weights elsewhere": (replace_weights(read_other_file), "in another file"),
    "h5: no HDF5": (lambda valid, path: replace_file(b"text")(valid, path.with_suffix(".h5")), "can be read"),
    "h5: 1 TB": (write_h5(declare_terabyte), "more than 2 GiB"),
    "h5: chunk of 2 GiB": (write_h5(declare_huge_chunk), "more than 2 GiB"),
    "h5: link to a file": (write_h5(link_file), "a link to other data"),
    "h5: link to a group": (write_h5(link_group), "a link to other data"),
    "h5: data of another file": (write_h5(read_other_file), "in another file"),
    "h5: virtual": (write_h5(make_virtual), "in another file"),
    "h5: deep config": (write_h5(add_config("[" * 30_000)), "nested too deeply"),
    "h5: 10**12 units": (write_h5(add_config('{"config": {"units": 1000000000000}}')), "declares units"),
}
# These declare nothing that is too large. Keras, or the code that translates a .h5 file, refuses them.
LOADED: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "config is a list": (replace_config(b"[]"), "model"),
    "config is null": (replace_config(b"null"), "model"),
    "units are text": (edit_layer("Dense", units="many"), "model"),
    "no units": (edit_layer("Dense", units=0), "model"),
    "os.system": (call_function("os", "system"), "model"),
    "builtins.exec": (call_function("builtins", "exec"), "model"),
    "subprocess.Popen": (call_function("subprocess", "Popen"), "model"),
    "keras.utils.get_file": (call_function("keras.utils", "get_file"), "model"),
    "no weights": (lambda valid, path: rewrite(valid, path, weights=None), "model"),
    "weights of another shape": (replace_weights(declare_wrong_shape), "model"),
    "h5: no network": (write_h5(contain_itself), "weights only"),
    "h5: config is a number": (write_h5(add_config(7)), "h5 file"),
    "h5: config is a list": (write_h5(add_config("[]")), "model"),
    "h5: config is null": (write_h5(add_config("null")), "model"),
}


def write_calls_of_calls(valid: Path, path: Path) -> Path:
    """A model that calls a model twice, which calls a model twice, and so on: 4096 layers in few bytes."""
    inner = keras.Input((32, 32, 3))
    network = keras.Model(inner, keras.layers.ReLU()(inner))
    for _ in range(11):
        image = keras.Input((32, 32, 3))
        network = keras.Model(image, network(network(image)))
    image = keras.Input((32, 32, 3))
    keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(network(image)))).save(path)
    return path


def write_large_activations(_valid: Path, path: Path) -> Path:
    """A small file whose convolution outputs 200 GB for one photo."""
    image = keras.Input((1024, 1024, 3))
    values = keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(50_000, 1)(image))
    keras.Model(image, keras.layers.Dense(3)(values)).save(path)
    return path


def hide_terabytes(valid: Path, path: Path) -> Path:
    """A network of 4 TB whose configuration does not say so: no layer states the shape of its input."""
    config = read_config(valid)
    layers = config["config"]["layers"]
    for layer in layers:
        layer.pop("build_config", None)
    find_layer(config, "Conv2D")["config"]["filters"] = 2**20
    find_layer(config, "Dense")["config"]["units"] = 2**20
    return rewrite(valid, path, config=json.dumps(config).encode())
