"""model_kinds.py: what a file is, and what to give instead, is said of every kind that people have."""

import json
import zipfile

import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras.external.model_kinds import find_kind, is_graph


@pytest.mark.parametrize(
    ("name", "kind"), [("m.keras", "keras"), ("m.h5", "h5"), ("m.hdf5", "h5"), ("m.onnx", "onnx"), ("m", "saved_model")]
)
def test_kinds_that_are_read(name, kind, tmp_path):
    path = tmp_path / name
    if kind == "saved_model":
        path.mkdir()
        (path / "saved_model.pb").touch()
    else:
        path.write_bytes(b"\x08\x08")
    assert find_kind(path) == kind


def refuse(path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        find_kind(path)
    error = caught.value
    assert error.where == (str(path),) and error.hint
    assert len(str(error).splitlines()) < 10
    return error


@pytest.mark.parametrize(
    ("name", "what", "hint"),
    [
        ("model.tflite", "a TFLite file, which is converted already", "the model that it was made from"),
        ("model.pt", "a model of PyTorch", "torch.onnx.export"),
        ("best.PTH", "a model of PyTorch", "torch.onnx.export"),
        ("checkpoint.pth.tar", "a checkpoint of PyTorch", "torch.onnx.export"),
        ("model.safetensors", "weights only", "torch.onnx.export"),
        ("model.weights.h5", "weights only, without the network", "model.load_weights"),
        ("model.json", "the configuration of a network", "model.load_weights"),
        ("frozen.pb", "a frozen graph of TensorFlow 1", "model.export"),
        ("saved_model.pb", "the graph of a SavedModel", "give its folder: --model "),
        ("model.mlmodel", "a model of Core ML", "that it was made from"),
        ("ckpt-10.index", "a checkpoint of TensorFlow", "model.load_weights"),
        ("ckpt-10.data-00000-of-00001", "a checkpoint of TensorFlow", "model.load_weights"),
        ("model.ckpt", "a checkpoint", "model.load_weights"),
        ("model.pkl", "a Python pickle", "model.save"),
        ("model.joblib", "a Python pickle", "model.save"),
        ("weights.npz", "arrays of numpy", "model.load_weights"),
        ("model.engine", "a program of TensorRT", "that it was made from"),
        ("model.tar.gz", "a compressed file", "unpack it"),
        ("model", "its name ends in ''", "model.save"),
        ("model.doc", "its name ends in '.doc'", "model.save"),
    ],
)
def test_file_is_named_by_its_suffix(name, what, hint, tmp_path):
    (tmp_path / name).write_bytes(b"\x00" * 40)
    error = refuse(tmp_path / name)
    assert what in error.message and hint in error.hint


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x1c\0\0\0TFL3" + bytes(20), "a TFLite file"),
        (b"\x80\x04\x95", "a Python pickle"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"\x93NUMPY\x01", "an array of numpy"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"<!DOCTYPE html>", "a web page"),
    ],
)
@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.onnx"])
def test_content_counts_more_than_the_suffix(content, what, name, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert what in refuse(tmp_path / name).message


def test_pickle_of_pytorch_is_named_as_its_model(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"\x80\x02}q")
    error = refuse(tmp_path / "model.pt")
    assert "a model of PyTorch" in error.message and "torch.onnx.export" in error.hint


@pytest.mark.parametrize(
    ("entries", "name", "what"),
    [
        (["archive/data.pkl"], "model.zip", "a model of PyTorch"),
        (["config.json", "model.weights.h5"], "model.zip", "a .keras file under another name"),
        (["model/saved_model.pb"], "model.zip", "a zip archive"),
        (["a.txt"], "model.h5", "a zip archive"),
    ],
)
def test_archive_is_named_by_what_is_in_it(entries, name, what, tmp_path):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for entry in entries:
            archive.writestr(entry, "x")
    assert what in refuse(tmp_path / name).message


def test_hdf5_file_under_another_name_is_to_be_renamed(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert "an HDF5 file" in refuse(tmp_path / "model.keras").message


def test_model_of_tensorflow_js_is_named(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps({"format": "layers-model", "modelTopology": {}}))
    assert "a model of TensorFlow.js" in refuse(tmp_path / "model.json").message


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        (["checkpoint", "ckpt-1.index"], "a folder of checkpoints", "model.load_weights"),
        (["weights.index"], "a folder of checkpoints", "model.load_weights"),
        (["config.json", "metadata.json", "model.weights.h5"], "an unpacked .keras file", "give the .keras file"),
        (["config.json", "model.safetensors"], "a model of Hugging Face", "torch.onnx.export"),
        (["1/saved_model.pb"], "the folder is no model", "give the model in it: --model "),
        (["best.keras", "log.txt"], "the folder is no model", "best.keras"),
        ([], "the folder is no model", "contains saved_model.pb"),
    ],
)
def test_folder_is_named_by_its_files(names, message, hint, tmp_path):
    for name in names:
        (tmp_path / "model" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "model" / name).touch()
    (tmp_path / "model").mkdir(exist_ok=True)
    error = refuse(tmp_path / "model")
    assert message in error.message and hint in error.hint


def test_absent_file_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="no such model file"):
        find_kind(tmp_path / "absent.keras")


@pytest.mark.parametrize(("name", "graph"), [("m.keras", False), ("m.h5", False), ("m.onnx", True)])
def test_graphs_of_operators_are_told_from_files_of_keras(name, graph, tmp_path):
    (tmp_path / name).write_bytes(b"\x08\x08")
    assert is_graph(tmp_path / name) == graph


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.onnx"])
def test_empty_file_is_said_to_be_empty(name, tmp_path):
    (tmp_path / name).touch()
    with pytest.raises(ConfigError, match="the model file is empty"):
        find_kind(tmp_path / name)
