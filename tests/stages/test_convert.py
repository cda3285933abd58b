"""Conversion: one file by one method, described by what was read back from it."""

from hashlib import sha256

import pytest

from edgetl.core import methods
from edgetl.core.errors import ConfigError, DataError, StageError
from edgetl.core.methods import METHODS
from edgetl.core.network.float_layers import FloatLayer
from edgetl.core.photos.dataset import draw_calibration_photos
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import ActivationRanges, CalibrationSet, SourceModel
from edgetl.core.requests import CalibrationRequest, ConversionRequest, RoundingRequest
from edgetl.core.storage.files import hash_file
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import inspect as tflite_inspect
from edgetl.stages.calibrate import calibrate_activations
from edgetl.stages.convert import convert_model, quantize_with_ranges, round_with_photos


@pytest.fixture
def convert(small_trained, small_source, shared_dataset, make_work):
    """Return a function that converts the small model: format, method and photos → artifact."""

    def run(format_name, method, photos=(), source=None):
        request = ConversionRequest(
            format_name=format_name,
            method=METHODS[method],
            trained=small_trained,
            source=source or small_source(format_name),
            photos=PhotoSet(part="train", photos=tuple(photos), input_spec=small_trained.input),
            dataset=shared_dataset,
        )
        return convert_model(make_work(), request)

    return run


def test_record_describes_a_tflite_file(convert, small_trained):
    artifact = convert("tflite", "float32")
    assert [path.name for path in artifact.path.parent.iterdir()] == ["model.tflite"] == [artifact.path.name]
    assert (artifact.format, artifact.method) == ("tflite", "float32")
    assert artifact.sha256 == hash_file(artifact.path) and artifact.bytes == artifact.path.stat().st_size
    assert artifact.trained_sha256 == small_trained.sha256 and artifact.calibration.photos == 0
    assert artifact.agreement == 1.0 and artifact.refusal.message == ""
    summary = tflite_inspect.summarize_file(artifact.path)
    assert (artifact.input, artifact.output) == (summary.input, summary.output)
    assert (artifact.operators, artifact.tensor_dtypes) == (summary.operators, summary.tensor_dtypes)


def test_record_names_the_photos_that_set_ranges(convert, shared_dataset):
    photos = shared_dataset.train[::4]
    artifact = convert("tflite", "int8", photos)
    assert artifact.calibration.photos == len(photos) >= 15
    digest = sha256("".join(photo.sha256 for photo in photos).encode()).hexdigest()
    assert artifact.calibration.sha256 == digest
    assert (artifact.input.dtype, artifact.output.dtype) == ("uint8", "uint8")


def test_record_describes_an_onnx_file(convert):
    artifact = convert("onnx", "float16")
    assert (artifact.path.name, artifact.format, artifact.method) == ("model.onnx", "onnx", "float16")
    assert artifact.calibration.photos == 0
    assert (artifact.input.dtype, artifact.output.dtype, artifact.output.scale) == ("uint8", "float32", 0.0)
    summary = onnx_inspect.summarize_file(artifact.path)
    assert (artifact.operators, artifact.tensor_dtypes) == (summary.operators, summary.tensor_dtypes)


def test_onnx_file_without_the_properties_of_its_method_is_an_error(convert, in_this_process, monkeypatch):
    convert_graph = onnx_convert.convert_graph
    monkeypatch.setattr(
        onnx_convert,
        "convert_graph",
        lambda graph, method, metadata: convert_graph(graph, METHODS["float32"], metadata),
    )
    with pytest.raises(StageError, match=r"the dynamic file .*the weights of Conv .*float32"):
        convert("onnx", "dynamic")


def test_tflite_file_without_the_properties_of_its_method_is_an_error(convert, in_this_process, monkeypatch):
    convert_saved_model = tflite_convert.convert_saved_model
    monkeypatch.setattr(
        tflite_convert,
        "convert_saved_model",
        lambda saved_model, method, photos: convert_saved_model(saved_model, METHODS["float32"], None),
    )
    with pytest.raises(StageError, match="the int8 file "):
        convert("tflite", "int8")


@pytest.mark.parametrize("format_name", ["tflite", "onnx"])
def test_int8_files_are_quantized_from_one_calibration(
    small_trained, small_source, shared_dataset, make_work, format_name
):
    photos = draw_calibration_photos(shared_dataset, 12, 1)
    request = CalibrationRequest(
        format_name=format_name,
        trained=small_trained,
        source=small_source(format_name),
        dataset=shared_dataset,
        photos=PhotoSet(part="train", photos=photos, input_spec=small_trained.input),
    )
    ranges = calibrate_activations(make_work(), request)
    weighted = ("Conv", "MatMul") if format_name == "onnx" else ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    artifacts = {}
    for name in ("int8", "mixed8-1"):
        artifact = quantize_with_ranges(make_work(), format_name, small_trained, ranges, methods.find_method(name))
        assert artifact.path.name == f"model.{format_name}" and artifact.method == name
        assert artifact.calibration == ranges.calibration and artifact.input.dtype == "uint8"
        artifacts[name] = artifact
    assert sum(artifacts["int8"].operators.get(name, 0) for name in weighted) == 4
    # Four bytes for each weight of one layer instead of one.
    assert artifacts["mixed8-1"].bytes > artifacts["int8"].bytes
    rounding = RoundingRequest(
        format_name=format_name,
        method=METHODS["int8_adaround"],
        trained=small_trained,
        ranges=ranges,
        photos=PhotoSet(part="train", photos=photos, input_spec=small_trained.input),
    )
    rounded = round_with_photos(make_work(), rounding)
    assert rounded.method == "int8_adaround" and rounded.operators == artifacts["int8"].operators
    assert rounded.calibration == ranges.calibration and rounded.sha256 != artifacts["int8"].sha256


def test_int8_file_of_a_model_with_layers_without_a_kernel_is_refused_by_their_names(
    small_trained, make_work, tmp_path
):
    layer = FloatLayer(name="LayerNormalization 'norm'", types=("NEG",), kept=("norm/Neg",))
    ranges = ActivationRanges(
        path=tmp_path / "calibrated.tflite",
        sha256="r",
        trained_sha256="t",
        calibration=CalibrationSet(photos=1, sha256="c"),
        layers=(),
        in_float=(layer,),
    )
    with pytest.raises(StageError) as caught:
        quantize_with_ranges(make_work(), "tflite", small_trained, ranges, METHODS["int8"])
    assert caught.value.message == "LayerNormalization 'norm' stays in float32: no int8 kernel for NEG"
    assert caught.value.hint == "--method mixed8 has every other layer in int8"
    photos = PhotoSet(part="train", photos=(), input_spec=small_trained.input)
    request = RoundingRequest(
        format_name="tflite", method=METHODS["int8_adaround"], trained=small_trained, ranges=ranges, photos=photos
    )
    with pytest.raises(StageError, match="LayerNormalization 'norm' stays in float32"):
        round_with_photos(make_work(), request)


def test_shared_run_was_calibrated_on_training_photos(delivered, shared_dataset):
    assert delivered.artifact.method == "int8"
    assert delivered.artifact.calibration.photos == len(shared_dataset.train)


def test_calibration_photos_that_are_not_in_the_cache_are_an_error(convert, shared_dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with pytest.raises(DataError, match="not in the cache any more"):
        convert("tflite", "int8", shared_dataset.train[::4])


def test_model_that_cannot_be_read_is_an_error(convert, tmp_path):
    path = tmp_path / "bad.keras"
    path.write_bytes(b"no model")
    with pytest.raises(ConfigError, match="not a Keras model"):
        convert("tflite", "float32", source=SourceModel(path=path, sha256="0" * 64))
