"""to_tflite: each method makes what it promises, and a file that is something else is refused by name."""

import dataclasses

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgetl.core import methods
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.methods import METHODS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import saved_model as savedmodel
from edgetl.engines.tflite import convert as tflite_convert

lite = tflite_convert.tf.lite

# What this engine makes of a SavedModel; mixed8, qat8, prune and cluster come from other ones.
MADE = [name for name, row in METHODS.items() if "tflite" in row.formats and not (row.float_layers or row.retraining)]


@pytest.fixture(scope="module")
def saved(small_model, tmp_path_factory):
    """Kind → SavedModel."""
    root = tmp_path_factory.mktemp("saved")
    keras_model.save_model(small_model(), root / "model.keras")
    for kind in ("uint8", "ranged", "float32"):
        savedmodel.export_saved_model(root / "model.keras", root / kind, kind)
    return {kind: root / kind for kind in ("uint8", "ranged", "float32")}


@pytest.fixture(scope="module")
def made(saved, photo_array, as_pixels, tmp_path_factory):
    """Method → .tflite."""
    root, paths = tmp_path_factory.mktemp("made"), {}
    for name in MADE:
        method = METHODS[name]
        paths[name] = root / f"{name}.tflite"
        photos = as_pixels(photo_array) if method.calibrated else None
        paths[name].write_bytes(
            tflite_convert.convert_saved_model(saved[tflite_convert.choose_input_kind(method)], method, photos)
        )
    return paths


def tensors(path):
    """What stands in a file, as the runtime without delegates tells it."""
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    return interpreter.get_tensor_details()


@pytest.mark.parametrize("name", MADE)
def test_every_method_is_what_it_promises(made, name):
    method = methods.find_method(name)
    tflite_convert.check_file(made[name], method)
    found = tflite_convert.summarize_file(made[name])
    weights = {"float32": "float32", "float16": "float16", "int8": "int8"}[method.weights]
    assert weights in found.tensor_dtypes
    assert {"int8": "int8", "int16": "int16", "float32": "float32"}[method.activations] in found.tensor_dtypes
    assert found.input.shape == (1, 32, 32, 3) and found.output.shape == (1, 3)
    assert not any("Flex" in operator for operator in found.operators)


def test_the_two_ends(made):
    ends = {
        name: (tflite_convert.summarize_file(path).input, tflite_convert.summarize_file(path).output)
        for name, path in made.items()
    }
    dtypes = {name: (given.dtype, answered.dtype) for name, (given, answered) in ends.items()}
    assert {name: dtypes[name] for name in ("float32", "float16", "dynamic", "int8", "int8_more", "int16x8")} == {
        "float32": ("uint8", "float32"),
        "float16": ("uint8", "float32"),
        "dynamic": ("uint8", "float32"),
        "int8": ("uint8", "uint8"),
        "int8_more": ("uint8", "uint8"),
        "int16x8": ("float32", "float32"),
    }
    assert (ends["int8"][0].scale, ends["int8"][0].zero_point) == (1.0, 0)
    assert ends["int8"][1].scale == pytest.approx(1 / 256) and ends["int8"][1].zero_point == 0
    assert ends["float32"][0].scale == 0


def test_sizes_shrink(made):
    size = {name: path.stat().st_size for name, path in made.items()}
    assert size["float16"] < size["float32"] and size["dynamic"] < size["float32"]


def test_int8_has_no_float_anywhere(made):
    assert set(tflite_convert.summarize_file(made["int8"]).tensor_dtypes) <= {"uint8", "int8", "int32"}


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic", "int8", "int16x8"])
def test_kernels_are_read_by_output_channel(made, small_model, name):
    """The same weights, whatever the file keeps them as."""
    found = list(tflite_convert.read_weights(made[name]))
    assert sorted(kernel.shape for kernel in found) == [(3, 128), (8, 9), (8, 27), (128, 8)]
    trained = small_model().get_layer("conv3").get_weights()[0].reshape(8, 128).T
    kernel = next(kernel for kernel in found if kernel.shape == (128, 8)).astype(np.float64)
    largest = np.abs(kernel).max(axis=1, keepdims=True) / np.abs(trained).max(axis=1, keepdims=True)
    np.testing.assert_allclose(kernel / largest, trained, atol=1e-2 * np.abs(trained).max())
    assert kernel.dtype == np.float64 and found[0].dtype.kind in "fi"


@pytest.mark.parametrize("name", ["int8", "int16x8"])
def test_weights_have_a_scale_for_each_channel(made, name):
    kernels = {
        tuple(int(length) for length in tensor["shape"]): len(tensor["quantization_parameters"]["scales"])
        for tensor in tensors(made[name])
        if len(tensor["shape"]) == 4 and len(tensor["quantization_parameters"]["scales"]) > 1
    }
    assert kernels == {(8, 3, 3, 3): 8, (1, 3, 3, 8): 8, (128, 1, 1, 8): 128}


def test_int8_takes_raw_photos_even_if_it_was_calibrated_in_the_dark(saved, photo_array, as_pixels, tmp_path):
    path = tmp_path / "dark.tflite"
    dark = as_pixels(photo_array // 16)
    path.write_bytes(tflite_convert.convert_saved_model(saved["ranged"], METHODS["int8"], dark))
    tflite_convert.check_file(path, METHODS["int8"])
    given = tflite_convert.summarize_file(path).input
    assert (given.dtype, given.scale, given.zero_point) == ("uint8", 1.0, 0)


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_two_conversions_give_the_same_bytes(saved, made, photo_array, as_pixels, tmp_path, name):
    """Export included: what this process did before must not show in the file."""
    method = METHODS[name]
    savedmodel.export_saved_model(
        saved["uint8"].parent / "model.keras", tmp_path / "again", tflite_convert.choose_input_kind(method)
    )
    photos = as_pixels(photo_array) if method.calibrated else None
    assert tflite_convert.convert_saved_model(tmp_path / "again", method, photos) == made[name].read_bytes()


def test_the_census_counts(made):
    found = tflite_convert.summarize_file(made["float32"])
    assert {"CAST", "CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"} <= set(found.operators)
    assert found.operators["CONV_2D"] == 2 and found.operators["DEPTHWISE_CONV_2D"] == 1
    assert list(found.operators) == sorted(found.operators)
    assert found.tensor_dtypes["uint8"] == 1
    assert (found.input.name, found.input.dtype) == ("image", "uint8")
    integer = tflite_convert.summarize_file(made["int8"])
    assert integer.operators["CONV_2D"] == 2 and "CAST" not in integer.operators


@pytest.mark.parametrize("name", ["float32", "float16", "dynamic", "int16x8"])
def test_another_file_offered_as_int8(made, name):
    with pytest.raises(StageError, match="the int8 file is not what it should be: ") as caught:
        tflite_convert.check_file(made[name], METHODS["int8"])
    assert caught.value.where == (str(made[name]),)


def test_a_float_file_offered_as_int8_names_the_operator(made):
    with pytest.raises(StageError, match=r"operator [A-Z_0-9]+ (computes in float|hands over a float) at tensor '"):
        tflite_convert.check_file(made["float32"], METHODS["int8"])


@pytest.mark.parametrize("name", ["int8", "float32"])
def test_another_file_offered_as_int16x8(made, name):
    with pytest.raises(StageError, match="the int16x8 file is not"):
        tflite_convert.check_file(made[name], METHODS["int16x8"])


@pytest.mark.parametrize(("other", "name"), [("int8", "float32"), ("float32", "float16"), ("float32", "dynamic")])
def test_another_file_offered_as_a_float_method(made, other, name):
    """Their inputs are alike: outputs and weights tell them apart."""
    with pytest.raises(StageError, match=f"the {name} file is not"):
        tflite_convert.check_file(made[other], METHODS[name])


def naive(saved_model, photo_array, **settings):
    """An int8 file made as most instructions say."""
    converter = lite.TFLiteConverter.from_saved_model(str(saved_model))
    converter.optimizations = [lite.Optimize.DEFAULT]
    dtype = np.uint8 if saved_model.name == "uint8" else np.float32
    converter.representative_dataset = lambda: ([photo[None].astype(dtype)] for photo in photo_array)
    converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tflite_convert.tf.uint8
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


def test_an_int8_file_that_begins_with_a_float(saved, photo_array, tmp_path):
    path = tmp_path / "naive.tflite"
    path.write_bytes(naive(saved["uint8"], photo_array))
    assert "CAST" in tflite_convert.summarize_file(path).operators
    with pytest.raises(StageError, match="operator CAST hands over a float at tensor"):
        tflite_convert.check_file(path, METHODS["int8"])


def test_an_int8_file_with_one_scale_for_all_channels(saved, photo_array, tmp_path):
    path = tmp_path / "per_tensor.tflite"
    path.write_bytes(naive(saved["ranged"], photo_array, _experimental_disable_per_channel=True))
    with pytest.raises(StageError, match=r"has 1 scales for \d+ channels"):
        tflite_convert.check_file(path, METHODS["int8"])


def test_an_int8_file_with_ranges_from_dark_photos(saved, photo_array, tmp_path):
    path = tmp_path / "dark.tflite"
    path.write_bytes(naive(saved["float32"], photo_array // 16))
    with pytest.raises(StageError, match=r"input '.*' is not raw 0\.\.255"):
        tflite_convert.check_file(path, METHODS["int8"])


def test_an_int8_file_that_answers_in_float(saved, photo_array, tmp_path):
    path = tmp_path / "float_out.tflite"
    path.write_bytes(naive(saved["ranged"], photo_array, inference_output_type=tflite_convert.tf.float32))
    with pytest.raises(StageError, match="the int8 file is not"):
        tflite_convert.check_file(path, METHODS["int8"])


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x1c\0\0\0TFL3" + bytes(200)])
def test_garbage(tmp_path, content):
    path = tmp_path / "garbage.tflite"
    path.write_bytes(content)
    for read in (tflite_convert.summarize_file, lambda path: tflite_convert.check_file(path, METHODS["float32"])):
        with pytest.raises(ConfigError, match="not a TFLite file that can be run") as caught:
            read(path)
        assert caught.value.where == (str(path),)


def test_a_file_cut_short(made, tmp_path):
    path = tmp_path / "cut.tflite"
    path.write_bytes(made["int8"].read_bytes()[:2000])
    with pytest.raises(ConfigError, match="not a TFLite file that can be run"):
        tflite_convert.summarize_file(path)


def test_a_converter_that_fails_names_the_method(saved, monkeypatch):
    def failing(self):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr(lite.TFLiteConverter, "convert", failing)
    monkeypatch.setattr(type(lite.TFLiteConverter.from_saved_model(str(saved["uint8"]))), "convert", failing)
    with pytest.raises(StageError, match=r"could not make float32: first line$"):
        tflite_convert.convert_saved_model(saved["uint8"], METHODS["float32"], None)


def test_the_smallest_file_runs(tmp_path):
    path = tmp_path / "smallest.tflite"
    path.write_bytes(tflite_convert.make_smallest_model())
    assert tflite_convert.summarize_file(path).operators == {"FULLY_CONNECTED": 1}


def test_every_method_knows_where_it_starts():
    kinds = {
        name: tflite_convert.choose_input_kind(method) for name, method in METHODS.items() if "tflite" in method.formats
    }
    assert kinds == {
        "float32": "uint8",
        "float16": "uint8",
        "dynamic": "uint8",
        "int8": "ranged",
        "int8_more": "ranged",
        "mixed8": "ranged",
        "int16x8": "float32",
        # qat8 has a SavedModel of its own; as any int8 file it may be made from this one.
        "qat8": "ranged",
        "prune": "uint8",
        "prune8": "ranged",
        "cluster": "uint8",
        "cluster8": "ranged",
    }
    assert dataclasses.is_dataclass(tflite_convert.Census)
