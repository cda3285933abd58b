"""The shared model retrained in a child process, and the files that the methods make of it."""

import dataclasses
import io
import pickle
import re

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import DataError, StageError
from edgetl.core.evaluation import metrics
from edgetl.core.formats import FORMATS
from edgetl.core.methods import METHODS
from edgetl.core.photos import pixel_store
from edgetl.core.photos.labelled import LabelledPhotos
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.recipe.tables import RetrainingTables
from edgetl.core.records import SourceModel
from edgetl.core.requests import ConversionRequest
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.engines.backends import BACKENDS
from edgetl.engines.head_temperature import fold_temperature, predict_last_features
from edgetl.engines.keras import model as keras_model
from edgetl.engines.onnx import inspect as onnx_inspect
from edgetl.engines.tflite import convert as tflite_convert
from edgetl.engines.tflite import inspect as tflite_inspect
from edgetl.stages import retrain as retrain_stage
from edgetl.stages.convert import convert_model, convert_qat_model
from edgetl.stages.retrain import retrain_model
from edgetl.stages.translate import translate_model

# Weights with at most this many rows per output channel are depthwise ones, which are not pruned or clustered.
DEPTHWISE = 9


@pytest.fixture(scope="module")
def tables(order):
    """The retraining tables of the shared recipe, for one quick epoch."""
    changes = {"epochs": 1, "compress_epochs": 1, "clusters": 8, "sparsity": 0.6}
    retrain = order.recipe.retrain.model_copy(update=changes)
    return order.recipe.model_copy(update={"retrain": retrain}).select(RetrainingTables)


@pytest.fixture(scope="module")
def retrained(built, tables, shared_dataset, make_once):
    """Return a function: kind → the shared model retrained, each made once."""

    def retrain(kind):
        def fill(folder):
            (folder / "files").mkdir()
            stream = io.StringIO()
            work = Workspace(folder / "files", Console(stream=stream))
            record = retrain_model(work, kind, built.trained, shared_dataset, tables)
            (folder / "record").write_bytes(pickle.dumps((record, stream.getvalue())))

        return pickle.loads((make_once(f"retrained-{kind}", fill) / "record").read_bytes())

    return retrain


@pytest.fixture(scope="module")
def prepare_source(retrained, tmp_path_factory):
    """Return a function: retraining and format → the file that conversions start from, each made once."""
    sources = {}

    def prepare(kind, format_name):
        if (kind, format_name) not in sources:
            model = retrained(kind)[0].model
            source = SourceModel(path=model, sha256=hash_file(model))
            if FORMATS[format_name].translated:
                work = Workspace(tmp_path_factory.mktemp(f"{kind}-{format_name}"), Console(quiet=True))
                source = translate_model(work, format_name, source)
            sources[kind, format_name] = source
        return sources[kind, format_name]

    return prepare


@pytest.fixture
def convert(built, shared_dataset, retrained, prepare_source, make_work):
    """Return a function: method and format → artifact of the retrained model."""

    def run(method, format_name="tflite"):
        row = METHODS[method]
        if row.retraining == "qat":
            return convert_qat_model(make_work(), format_name, built.trained, retrained("qat")[0])
        photos = shared_dataset.train if row.calibrated else ()
        request = ConversionRequest(
            format_name=format_name,
            method=row,
            trained=built.trained,
            source=prepare_source(row.retraining, format_name),
            photos=PhotoSet(part="train", photos=photos, input_spec=built.trained.input),
            dataset=shared_dataset,
        )
        return convert_model(make_work(), request)

    return run


def predict(artifact, photos, input_spec):
    """Return the scores of an artifact: float [photos, classes]."""
    pixels = pixel_store.open_pixels([photo.sha256 for photo in photos], input_spec)
    kernels = FORMATS[artifact.format].fast_kernels
    return BACKENDS[artifact.format].predict(artifact.path, pixels, kernels, lambda _: None).scores


def compute_accuracy(artifact, dataset, input_spec):
    labels = np.array([photo.label for photo in dataset.validation])
    return metrics.compute_accuracy(predict(artifact, dataset.validation, input_spec), labels)


# Quantization-aware training


def test_qat_tflite_file_is_integer_and_predicts_what_the_model_predicts(built, shared_dataset, retrained, convert):
    artifact = convert("qat8")
    tflite_inspect.check_file(artifact.path, METHODS["qat8"])
    assert (artifact.input.dtype, artifact.input.scale, artifact.input.zero_point) == ("uint8", 1.0, 0)
    assert artifact.output.dtype == "uint8" and artifact.trained_sha256 == built.trained.sha256
    assert set(artifact.tensor_dtypes) <= {"uint8", "int8", "int32"} and not artifact.refusal.message
    # BatchNormalization is folded, so no product and no sum is left, and the input scaling is one convolution.
    operators = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MEAN", "PAD", "QUANTIZE", "SOFTMAX"}
    assert set(artifact.operators) <= operators and artifact.operators["CONV_2D"] == 15
    record, _ = retrained("qat")
    expected = np.load(record.predictions)
    photos = len(shared_dataset.validation) + len(shared_dataset.train)
    assert len(expected) == len(record.agreement_sha256s) == photos
    scores = predict(artifact, shared_dataset.validation, built.trained.input)
    assert metrics.compute_agreement(expected[: len(scores)], scores) == 1.0
    assert np.abs(expected[: len(scores)] - scores).max() < 0.1
    assert compute_accuracy(artifact, shared_dataset, built.trained.input) > 0.9
    assert record.outcome.keras2_difference < 1e-4 and record.outcome.epochs == 1


@pytest.mark.slow
def test_photo_that_the_converter_demands_sets_no_range_of_a_qat_file(built, retrained):
    record, _ = retrained("qat")
    files = [
        tflite_convert.convert_saved_model(
            record.model, METHODS["qat8"], pixel_store.open_pixels(photos, built.trained.input)
        )
        for photos in (record.agreement_sha256s[:1], record.agreement_sha256s[-9:])
    ]
    assert files[0] == files[1]


@pytest.mark.slow
def test_qat_onnx_file_is_integer_and_agrees_with_the_model(convert):
    artifact = convert("qat8", "onnx")
    onnx_inspect.check_file(artifact.path, METHODS["qat8"])
    assert (artifact.format, artifact.method, artifact.input.dtype) == ("onnx", "qat8", "uint8")
    assert artifact.agreement >= 0.99 and artifact.operators["Conv"] == 28 and artifact.calibration.photos == 0


@pytest.mark.parametrize("format_name", ["tflite", pytest.param("onnx", marks=pytest.mark.slow)])
def test_file_that_does_not_predict_what_its_model_predicts_is_refused(
    built, retrained, make_work, tmp_path, format_name
):
    record, _ = retrained("qat")
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "saved_model").symlink_to(record.model)
    wrong = record.model_copy(update={"folder": tmp_path / "wrong"})
    np.save(wrong.predictions, np.load(record.predictions)[:, [1, 2, 0]])
    refusal = convert_qat_model(make_work(), format_name, built.trained, wrong).refusal
    pattern = (
        rf"{FORMATS[format_name].title} file agree on \d+\.\d% of \d+ photos, 99% are needed; .* itself agrees on "
        r"(100\.0|99\.\d)% of \d+: the device would not compute what was learned"
    )
    assert re.search(pattern, refusal.message)


@pytest.mark.slow
def test_network_that_is_sensitive_to_rounding_is_distinguished_from_a_wrong_file(
    built, retrained, make_work, monkeypatch
):
    """Its predictions differ on every kernel set, as those of a deep network that was trained too little."""
    record, _ = retrained("qat")
    backend = type(BACKENDS["tflite"])
    original = backend.predict

    def predict_differently(self, path, photos, kernels, advance):
        predictions = original(self, path, photos, kernels, advance)
        scores = np.roll(predictions.scores, 1 if kernels == "reference" else 2, axis=1)
        return dataclasses.replace(predictions, scores=scores)

    monkeypatch.setattr(backend, "predict", predict_differently)
    refusal = convert_qat_model(make_work(), "tflite", built.trained, record).refusal
    pattern = (
        r"agree on \d+\.\d% of \d+ photos, .* on XNNPACK and reference kernels the file itself agrees on \d+\.\d% of "
        r"\d+: the network is sensitive to rounding"
    )
    assert re.search(pattern, refusal.message) and "--learning-rate" in refusal.hint


# Pruning and clustering


@pytest.mark.slow
def test_pruned_tflite_files_have_the_sparsity_and_are_smaller_after_gzip(
    built, delivered, shared_dataset, retrained, convert
):
    original, pruned, integer = delivered.artifact, convert("prune"), convert("prune8")
    assert original.sparsity < 0.2 and pruned.input.dtype == "uint8" and pruned.output.dtype == "float32"
    # Depthwise weights are not pruned. Rounding to eight bits adds zeros and removes none.
    assert 0.55 < pruned.sparsity <= 0.6 and integer.sparsity >= pruned.sparsity
    assert pruned.gzip_bytes < 0.7 * pruned.bytes and integer.gzip_bytes < original.gzip_bytes
    for weights in tflite_inspect.read_weights(pruned.path):
        if weights.shape[1] > DEPTHWISE:
            assert (weights == 0).mean() == pytest.approx(0.6, abs=0.02)
    model = keras_model.load_model(retrained("prune")[0].model)
    assert (model.get_layer("conv_pw_5").get_weights()[0] == 0).mean() == pytest.approx(0.6, abs=0.01)
    assert compute_accuracy(integer, shared_dataset, built.trained.input) > 0.6


@pytest.mark.slow
def test_pruned_onnx_files_have_the_sparsity_and_are_smaller_after_gzip(built, shared_dataset, convert):
    pruned, integer = convert("prune", "onnx"), convert("prune8", "onnx")
    assert 0.55 < pruned.sparsity <= 0.6 and integer.sparsity >= pruned.sparsity
    assert pruned.gzip_bytes < 0.7 * pruned.bytes and integer.bytes < 0.5 * pruned.bytes
    assert integer.calibration.photos == len(shared_dataset.train)
    for weights in onnx_inspect.read_weights(integer.path):
        if weights.shape[1] > DEPTHWISE:
            assert weights.dtype == np.int8 and (weights == 0).mean() >= 0.58
    assert compute_accuracy(integer, shared_dataset, built.trained.input) > 0.6


@pytest.mark.slow
def test_clustered_onnx_files_have_few_values_per_channel(convert):
    for method in ("cluster", "cluster8"):
        artifact = convert(method, "onnx")
        counts = [
            max(len(np.unique(row)) for row in weights)
            for weights in onnx_inspect.read_weights(artifact.path)
            if weights.shape[1] > DEPTHWISE
        ]
        assert max(counts) <= 8


@pytest.mark.slow
def test_clustered_tflite_files_have_few_values_per_channel(delivered, retrained, convert):
    clustered, integer = convert("cluster"), convert("cluster8")
    model = keras_model.load_model(retrained("cluster")[0].model)
    assert len(np.unique(model.get_layer("conv_pw_5").get_weights()[0])) <= 8
    # BatchNormalization scales each channel differently: few values in a channel, not in a whole tensor.
    for artifact in (clustered, integer):
        counts = [
            max(len(np.unique(row)) for row in weights)
            for weights in tflite_inspect.read_weights(artifact.path)
            if weights.shape[1] > DEPTHWISE
        ]
        assert max(counts) <= 8
    assert integer.distinct_weights <= 9
    assert clustered.gzip_bytes < 0.7 * clustered.bytes and integer.gzip_bytes < delivered.artifact.gzip_bytes


# Records and errors


@pytest.mark.parametrize(
    "kind", ["qat", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("prune", "cluster"))]
)
def test_retrained_model_has_files_a_log_and_a_summary(retrained, kind):
    record, output = retrained(kind)
    assert record.kind == kind and record.contents() and all(path.is_file() for path in record.contents())
    assert {"log.csv", "outcome.json"} <= set(record.files)
    rows = (record.folder / "log.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 2 and rows[1].startswith(f"{kind},1,")
    assert re.search(rf"{kind}: validation 0?\.?\d+.* at the start, .* of 1", output)


def test_photos_that_cannot_set_ranges_are_refused_before_the_child_process_starts(
    built, tables, shared_dataset, work, monkeypatch
):
    monkeypatch.setattr(retrain_stage, "draw_calibration_photos", lambda dataset, *_: (dataset.train[0],) * 9)
    monkeypatch.setattr(retrain_stage.launcher, "run_retraining", lambda *_: pytest.fail("retrained"))
    with pytest.raises(DataError, match="9 times"):
        retrain_model(work, "qat", built.trained, shared_dataset, tables)


def test_photos_that_are_not_in_the_cache_are_an_error(built, tables, shared_dataset, work, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with pytest.raises(DataError, match="not in the cache any more"):
        retrain_model(work, "qat", built.trained, shared_dataset, tables)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["prune", "cluster"])
def test_retrained_model_has_a_temperature_of_its_own(retrained, shared_dataset, built, kind):
    record, text = retrained(kind)
    assert "temperature" in text
    validation = LabelledPhotos.open(shared_dataset.validation, built.trained.input)
    # Where the temperature is in the weights already, the next one is 1.
    model = keras_model.load_model(record.model)
    features = predict_last_features(model, validation.pixels)
    assert fold_temperature(model, features, validation.labels).temperature == pytest.approx(1, abs=1e-3)


def test_quantization_aware_model_has_a_temperature_of_its_own(retrained):
    assert "temperature" in retrained("qat")[1]


def test_model_made_elsewhere_gets_no_temperature(built, tables, shared_dataset, make_work, monkeypatch):
    requests = []

    def keep(path, request, folder, listener):
        requests.append(request)
        raise StageError("ended")

    monkeypatch.setattr(retrain_stage.launcher, "run_retraining", keep)
    off = tables.model_copy(update={"training": tables.training.model_copy(update={"temperature": False})})
    elsewhere = built.trained.model_copy(update={"base": "external", "phases": ()})
    for trained, recipe in ((built.trained, tables), (elsewhere, tables), (built.trained, off)):
        with pytest.raises(StageError):
            retrain_model(make_work(), "prune", trained, shared_dataset, recipe)
    assert [request.fits_temperature for request in requests] == [True, False, False]
