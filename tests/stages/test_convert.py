"""convert: one file by one method, described by what was read back from it."""

from hashlib import sha256

import pytest

from edgetl.core import methods
from edgetl.core.errors import ConfigError, DataError, StageError
from edgetl.core.methods import METHODS
from edgetl.core.photos import dataset
from edgetl.core.records import InputSpec, Trained
from edgetl.core.storage.files import hash_file
from edgetl.engines.keras import model as keras_model
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.stages import calibrate, translate
from edgetl.stages.convert import convert, convert_graph, quantize


@pytest.fixture(scope="module")
def trained(small_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "model.keras"
    keras_model.save_model(small_model(), path)
    return Trained.model_construct(path=path, sha256="t" * 64, input=InputSpec(side_px=32, fit="crop"))


def test_without_calibration(trained, shared_dataset, tmp_path):
    artifact = convert(trained, METHODS["float32"], (), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.tflite"]
    assert (artifact.path, artifact.format, artifact.method) == (tmp_path / "model.tflite", "tflite", "float32")
    assert artifact.sha256 == hash_file(artifact.path) and artifact.bytes == artifact.path.stat().st_size
    assert artifact.trained_sha256 == "t" * 64 and artifact.calibration.photos == 0
    found = tflite_convert.summarize_file(artifact.path)
    assert (artifact.input, artifact.output) == (found.input, found.output)
    assert (artifact.operators, artifact.tensor_dtypes) == (found.operators, found.tensor_dtypes)


def test_with_calibration(trained, shared_dataset, tmp_path):
    photos = shared_dataset.train[:20]
    artifact = convert(trained, METHODS["int8"], photos, tmp_path)
    assert artifact.calibration.photos == 20
    assert artifact.calibration.sha256 == sha256("".join(p.sha256 for p in photos).encode()).hexdigest()
    assert (artifact.input.dtype, artifact.output.dtype) == ("uint8", "uint8")


def test_an_onnx_file(trained, shared_dataset, tmp_path):
    named = trained.model_copy(update={"classes": ("a", "b", "c")})
    (tmp_path / "graph").mkdir()
    graph = translate.translate(named, tmp_path / "graph")
    artifact = convert_graph(named, graph, METHODS["float16"], (), tmp_path)
    assert artifact.path == tmp_path / "model.onnx"
    assert (artifact.format, artifact.method, artifact.calibration.photos) == ("onnx", "float16", 0)
    assert (artifact.input.dtype, artifact.output.dtype, artifact.output.scale) == ("uint8", "float32", 0.0)
    found = onnx_inspect.summarize_file(artifact.path)
    assert (artifact.operators, artifact.tensor_dtypes) == (found.operators, found.tensor_dtypes)


def test_an_onnx_file_that_is_not_what_was_ordered_is_not_shipped(trained, tmp_path, monkeypatch):
    original = onnx_convert.convert_graph

    def silently_float(graph, method, card):
        return original(graph, METHODS["float32"], card)

    monkeypatch.setattr(onnx_convert, "convert_graph", silently_float)
    named = trained.model_copy(update={"classes": ("a", "b", "c")})
    with pytest.raises(StageError, match=r"the dynamic file failed its check: the weights of Conv .* float32"):
        convert_graph(named, translate.translate(named, tmp_path), METHODS["dynamic"], (), tmp_path)


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_int8_files_out_of_one_calibration(trained, shared_dataset, tmp_path, form):
    named = trained.model_copy(update={"classes": ("a", "b", "c")})
    photos = dataset.draw_calibration_photos(shared_dataset, 12, 1)
    graph = translate.translate(named, tmp_path) if form == "onnx" else None
    asked = calibrate.Calibrating(trained=named, dataset=shared_dataset, photos=photos, graph=graph)
    ranges = calibrate.calibrate(asked, tmp_path, advance=lambda _: None)
    weights = ("Conv", "MatMul") if form == "onnx" else ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    made = {}
    for name in ("int8", "mixed8-1"):
        (tmp_path / name).mkdir()
        made[name] = quantize(named, ranges, methods.find_method(name), tmp_path / name)
        assert made[name].path == tmp_path / name / f"model.{form}" and made[name].method == name
        assert made[name].calibration == ranges.calibration and made[name].input.dtype == "uint8"
    assert sum(made["int8"].operators.get(name, 0) for name in weights) == 4
    assert made["mixed8-1"].bytes > made["int8"].bytes, "four bytes a weight instead of one"


def test_the_shared_run_was_calibrated_on_training_photos(built, shared_dataset):
    assert built.artifact.method == "int8"
    assert built.artifact.calibration.photos == len(shared_dataset.train)


def test_calibration_photos_that_are_gone(trained, shared_dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with pytest.raises(DataError, match="not in the cache any more"):
        convert(trained, METHODS["int8"], shared_dataset.train[:5], tmp_path)


def test_a_file_that_is_not_what_was_ordered_is_not_shipped(trained, tmp_path, monkeypatch):
    original = tflite_convert.convert_saved_model

    def silently_float(saved_model, method, calibration):
        return original(saved_model, METHODS["float32"], None)

    monkeypatch.setattr(tflite_convert, "convert_saved_model", silently_float)
    with pytest.raises(StageError, match="the int8 file failed its check"):
        convert(trained, METHODS["int8"], (), tmp_path)


def test_a_model_that_cannot_be_read(trained, tmp_path):
    (tmp_path / "bad.keras").write_bytes(b"no model")
    with pytest.raises(ConfigError, match="not a Keras model"):
        convert(trained.model_copy(update={"path": tmp_path / "bad.keras"}), METHODS["float32"], (), tmp_path)
