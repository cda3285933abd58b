"""retrain: the shared model once more, in a child process, and what the files of the methods then hold."""

import dataclasses
import re

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import DataError
from edgetl.core.evaluation import metrics
from edgetl.core.formats import FORMATS
from edgetl.core.methods import METHODS
from edgetl.core.photos import pixel_store
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.retrain_job import RetrainedModel
from edgetl.core.run import run_folder
from edgetl.engines import backends
from edgetl.engines.keras import model as keras_model
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.onnx import runtime as onnx_runtime
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import runtime as tflite_runtime
from edgetl.stages import retrain as stage
from edgetl.stages import translate
from edgetl.stages.convert import convert, convert_aware, convert_graph
from edgetl.stages.retrain import Retraining, retrain


@pytest.fixture(scope="module")
def made(built, order, shared_dataset, tmp_path_factory):
    """Kind → what retraining the shared model left, each made once."""
    kept: dict[str, RetrainedModel] = {}

    def make(kind: str) -> RetrainedModel:
        if kind not in kept:
            tables = recipe.Tables(order.recipe.tables())
            tables["retrain"] |= {"epochs": 1, "compress_epochs": 1, "clusters": 8, "sparsity": 0.6}
            changed = recipe.parse_recipe(tables, "this test")
            asked = Retraining(kind=kind, trained=built.trained, dataset=shared_dataset, recipe=changed)
            with run_folder.open_run(tmp_path_factory.mktemp("run") / "run") as run:
                done = run.stage(
                    f"retrain-{kind}",
                    {},
                    lambda folder: retrain(asked, folder, console=Console(quiet=True)),
                    RetrainedModel,
                )
            kept[kind] = done.record
        return kept[kind]

    return make


def file_of(method, built, shared_dataset, made, folder, form="tflite"):
    """The method's artifact."""
    row = METHODS[method]
    if row.retraining == "qat":
        return convert_aware(built.trained, made("qat"), "tflite", folder)
    photos = shared_dataset.train if row.calibrated else ()
    slim = built.trained.model_copy(update={"path": made(row.retraining).model})
    if form == "onnx":
        return convert_graph(slim, translate.translate(slim, folder), row, photos, folder)
    return convert(slim, row, photos, folder)


def scores(artifact, photos, shape):
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], shape)
    return tflite_runtime.predict_file(artifact.path, pixels, "xnnpack", lambda _: None).scores


def test_a_quantization_aware_file(built, shared_dataset, made, tmp_path):
    artifact = file_of("qat8", built, shared_dataset, made, tmp_path)
    tflite_convert.check_file(artifact.path, METHODS["qat8"])
    assert (artifact.input.dtype, artifact.input.scale, artifact.input.zero_point) == ("uint8", 1.0, 0)
    assert artifact.output.dtype == "uint8" and artifact.trained_sha256 == built.trained.sha256
    assert set(artifact.tensor_dtypes) <= {"uint8", "int8", "int32"} and not artifact.refusal.message
    # Folded: no product or sum is left of BatchNormalization, and the scaling is one convolution.
    assert set(artifact.operators) <= {
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "MEAN",
        "PAD",
        "QUANTIZE",
        "SOFTMAX",
    }
    assert artifact.operators["CONV_2D"] == 15
    retrained = made("qat")
    promised = np.load(retrained.predictions)
    assert len(promised) == len(retrained.agreement_sha256s) == len(shared_dataset.validation) + len(shared_dataset.train)
    answered = scores(artifact, (*shared_dataset.validation,), built.trained.input)
    assert metrics.compute_agreement(promised[: len(answered)], answered) == 1.0
    assert np.abs(promised[: len(answered)] - answered).max() < 0.1
    labels = np.array([photo.label for photo in shared_dataset.validation])
    assert metrics.compute_accuracy(answered, labels) > 0.9
    assert retrained.outcome.keras2_difference < 1e-4 and retrained.outcome.epochs == 1


def test_no_photo_sets_a_range_of_what_was_learned(built, made, tmp_path):
    retrained, shape = made("qat"), built.trained.input
    for name, photos in (("first", retrained.agreement_sha256s[:1]), ("last", retrained.agreement_sha256s[-9:])):
        content = tflite_convert.convert_saved_model(
            retrained.model, METHODS["qat8"], pixel_store.open_pixels(photos, shape)
        )
        (tmp_path / name).write_bytes(content)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "last").read_bytes()


def test_photos_that_cannot_set_ranges_stop_it_before_any_work(built, order, shared_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(stage.datasets, "calibration", lambda dataset, *_: (dataset.train[0],) * 9)
    monkeypatch.setattr(stage.launcher, "retrain", lambda *_: pytest.fail("retrained"))
    asked = Retraining(kind="qat", trained=built.trained, dataset=shared_dataset, recipe=order.recipe)
    with pytest.raises(DataError, match="occurs 9 times"):
        retrain(asked, tmp_path, console=Console(quiet=True))


def test_a_quantization_aware_onnx_file(built, shared_dataset, made, tmp_path):
    artifact = convert_aware(built.trained, made("qat"), "onnx", tmp_path)
    onnx_inspect.check_file(artifact.path, METHODS["qat8"])
    assert (artifact.format, artifact.method, artifact.input.dtype) == ("onnx", "qat8", "uint8")
    assert artifact.agreement >= 0.99 and artifact.operators["Conv"] == 28 and artifact.calibration.photos == 0


@pytest.mark.parametrize("form", ["tflite", "onnx"])
def test_a_file_that_answers_otherwise_than_it_learned_is_refused(built, shared_dataset, made, tmp_path, form):
    retrained = made("qat")
    turned = tmp_path / "turned"
    turned.mkdir()
    (turned / "saved_model").symlink_to(retrained.model)
    np.save(turned / "predictions.npy", np.load(retrained.predictions)[:, [1, 2, 0]])
    other = retrained.model_copy(update={"folder": turned})
    said = rf"{FORMATS[form].title} file agree on \d+\.\d% of \d+ photos, 99% are needed; .* itself agrees on"
    refused = convert_aware(built.trained, other, form, tmp_path).refusal
    assert re.search(rf"{said} (100\.0|99\.\d)% of \d+: what was learned is not what", refused.message)


def test_a_network_that_answers_to_each_rounding_is_told_from_a_wrong_file(built, made, tmp_path, monkeypatch):
    """Answers that are others on every kernel, as those of a deep network that was taught little."""
    predict, retrained = backends.predict_with, made("qat")

    def restless(path, photos, kernels, advance):
        ran, turn = predict(path, photos, kernels, advance), 1 if kernels == "reference" else 2
        return dataclasses.replace(ran, scores=np.roll(ran.scores, turn, axis=1))

    monkeypatch.setattr(backends, "predict_with", restless)
    said = (
        r"agree on \d+\.\d% of \d+ photos, .* between XNNPACK and reference kernels the file itself agrees on \d+\.\d%"
    )
    refused = convert_aware(built.trained, retrained, "tflite", tmp_path).refusal
    assert re.search(rf"{said} of \d+: single roundings change what this network answers", refused.message)
    assert "--learning-rate" in refused.hint


def test_pruned_files(built, shared_dataset, made, tmp_path):
    (tmp_path / "float").mkdir()
    (tmp_path / "int").mkdir()
    whole = built.artifact
    pruned = file_of("prune", built, shared_dataset, made, tmp_path / "float")
    integer = file_of("prune8", built, shared_dataset, made, tmp_path / "int")
    assert whole.sparsity < 0.2 and pruned.input.dtype == "uint8" and pruned.output.dtype == "float32"
    # Depthwise kernels are left alone; rounding to eight bits makes some more zeros and takes none away.
    assert 0.55 < pruned.sparsity <= 0.6 and integer.sparsity >= pruned.sparsity
    assert pruned.gzip_bytes < 0.7 * pruned.bytes and integer.gzip_bytes < whole.gzip_bytes
    for kernel in tflite_convert.read_weights(pruned.path):
        if kernel.shape[1] > 9:
            assert (kernel == 0).mean() == pytest.approx(0.6, abs=0.02)
    model = keras_model.load_model(made("prune").model)
    assert (model.get_layer("conv_pw_5").get_weights()[0] == 0).mean() == pytest.approx(0.6, abs=0.01)
    labels = np.array([photo.label for photo in shared_dataset.validation])
    assert metrics.compute_accuracy(scores(integer, shared_dataset.validation, built.trained.input), labels) > 0.6


def test_pruned_onnx_files(built, shared_dataset, made, tmp_path):
    made_by = {}
    for name in ("prune", "prune8"):
        (tmp_path / name).mkdir()
        made_by[name] = file_of(name, built, shared_dataset, made, tmp_path / name, "onnx")
    pruned, integer = made_by.values()
    assert 0.55 < pruned.sparsity <= 0.6 and integer.sparsity >= pruned.sparsity
    assert pruned.gzip_bytes < 0.7 * pruned.bytes and integer.bytes < 0.5 * pruned.bytes
    assert integer.calibration.photos == len(shared_dataset.train)
    for kernel in onnx_inspect.read_weights(integer.path):
        if kernel.shape[1] > 9:
            assert kernel.dtype == np.int8 and (kernel == 0).mean() >= 0.58
    pixels = pixel_store.open_pixels([photo.sha256 for photo in shared_dataset.validation], built.trained.input)
    answered = onnx_runtime.predict_file(integer.path, pixels, "onnxruntime", lambda _: None).scores
    labels = np.array([photo.label for photo in shared_dataset.validation])
    assert metrics.compute_accuracy(answered, labels) > 0.6


@pytest.mark.slow
def test_clustered_onnx_files(built, shared_dataset, made, tmp_path):
    for name in ("cluster", "cluster8"):
        (tmp_path / name).mkdir()
        artifact = file_of(name, built, shared_dataset, made, tmp_path / name, "onnx")
        counts = [
            max(len(np.unique(row)) for row in kernel)
            for kernel in onnx_inspect.read_weights(artifact.path)
            if kernel.shape[1] > 9
        ]
        assert max(counts) <= 8


@pytest.mark.slow
def test_clustered_files(built, shared_dataset, made, tmp_path):
    (tmp_path / "float").mkdir()
    (tmp_path / "int").mkdir()
    clustered = file_of("cluster", built, shared_dataset, made, tmp_path / "float")
    integer = file_of("cluster8", built, shared_dataset, made, tmp_path / "int")
    model = keras_model.load_model(made("cluster").model)
    assert len(np.unique(model.get_layer("conv_pw_5").get_weights()[0])) <= 8
    # BatchNormalization gives each channel a factor of its own: few values a channel, not few in all.
    for artifact in (clustered, integer):
        counts = [
            max(len(np.unique(row)) for row in kernel)
            for kernel in tflite_convert.read_weights(artifact.path)
            if kernel.shape[1] > 9
        ]
        assert max(counts) <= 8
    assert integer.distinct_weights <= 9
    assert clustered.gzip_bytes < 0.7 * clustered.bytes and integer.gzip_bytes < built.artifact.gzip_bytes


def test_what_is_kept(made):
    for kind in ("qat", "prune", "cluster"):
        record = made(kind)
        assert record.kind == kind and record.contents() and all(path.is_file() for path in record.contents())
        assert {"log.csv", "outcome.json"} <= set(record.files)
        rows = (record.folder / "log.csv").read_text(encoding="utf-8").splitlines()
        assert len(rows) == 2 and rows[1].startswith(f"{kind},1,")


def test_photos_that_are_gone(built, order, shared_dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    asked = Retraining(kind="qat", trained=built.trained, dataset=shared_dataset, recipe=order.recipe)
    with pytest.raises(DataError, match="not in the cache any more"):
        retrain(asked, tmp_path, console=Console(quiet=True))
