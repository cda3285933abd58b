"""The files of a model by format and method, made in copies of the shared runs."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from edgetl.core import methods
from edgetl.core.device import targets
from edgetl.core.errors import ConfigError, DataError, StageError
from edgetl.core.evaluation import ladder
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import Refusal
from edgetl.core.retrain_job import RetrainedModel
from edgetl.core.run.run_folder import open_run
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.pipeline.context import Context
from edgetl.pipeline.files import Files


@pytest.fixture
def both_context(built_both, order, context, tmp_path):
    """The context of a copy of the run for TFLite and ONNX: the translation to ONNX is finished."""
    both = dataclasses.replace(order, targets=(targets.find_target("tflite"), targets.find_target("onnx")))
    with open_run(Path(shutil.copytree(built_both.run, tmp_path / "both"))) as run:
        yield Context(order=both, run=run, console=context.console)


def read_labels(path):
    """Return the class names in the metadata of an ONNX file."""
    metadata = {entry.key: entry.value for entry in onnx_graph.read_model(path).metadata_props}
    return json.loads(metadata["labels"])


def test_second_calibration_set_shares_no_photo_with_the_first(pipeline):
    first, more = (pipeline.files._draw_photos(more=more).photos for more in (False, True))
    assert first and not {photo.sha256 for photo in first} & {photo.sha256 for photo in more}
    train = {photo.sha256 for photo in pipeline.model.dataset.train}
    assert {photo.sha256 for photo in (*first, *more)} <= train


def test_int8_more_is_skipped_where_too_few_photos_are_left(pipeline, monkeypatch):
    first = pipeline.files._draw_photos(more=False)
    more = dataclasses.replace(first, photos=first.photos[:1])
    monkeypatch.setattr(pipeline.files, "_draw_photos", lambda **which: more if which["more"] else first)
    reason = pipeline.files.explain_skip("tflite", methods.find_method("int8_more"))
    assert reason == f"1 further training photos are fewer than the {len(first.photos)} that set the ranges"


def test_mixed8_is_skipped_where_more_than_half_of_the_layers_would_be_float(pipeline):
    explain = pipeline.files.explain_skip
    assert explain("tflite", methods.find_method("mixed8-2")) == ""
    assert "more than half" in explain("tflite", methods.find_method("mixed8-99"))


@pytest.mark.parametrize("method", ["qat8", "prune", "cluster8"])
def test_model_made_elsewhere_is_not_retrained(empty_context, prepare_model, method):
    recipe = empty_context.order.recipe
    external = recipe.external.model_copy(update={"path": "model.keras"})
    order = dataclasses.replace(empty_context.order, recipe=recipe.model_copy(update={"external": external}))
    context = Context(order=order, run=empty_context.run, console=empty_context.console)
    with pytest.raises(ConfigError, match=f"{method} trains the model further") as caught:
        Files(context, prepare_model()).make("tflite", method)
    assert caught.value.where == ("model.keras",)


def test_refused_file_is_an_error_and_is_not_made_again(pipeline, delivered, watch_stage, monkeypatch):
    refusal = Refusal(message="the two agree on 12.0% of 200 photos", hint="train for longer")

    def convert(work, *_):
        path = Path(shutil.copy(delivered.artifact.path, work.folder / "model.tflite"))
        changes = {"path": path, "method": "qat8", "agreement": 0.12, "refusal": refusal}
        return delivered.artifact.model_copy(update=changes)

    # Only the key of this record is used: its values need no meaning.
    retrained = RetrainedModel.model_construct(**dict.fromkeys(RetrainedModel.model_fields, "any"))
    monkeypatch.setattr(pipeline.files, "retrain", lambda kind: retrained)
    calls = watch_stage("convert.convert_qat_model", convert)
    for _ in range(2):
        with pytest.raises(StageError, match=r"agree on 12\.0%") as caught:
            pipeline.files.make("tflite", "qat8")
        assert caught.value.hint == "train for longer"
    assert len(calls) == 1


def test_float_layers_of_an_onnx_file_are_those_with_the_largest_errors(both_context, prepare_model, built_both):
    files = Files(both_context, prepare_model())
    layers = ladder.select_weighted_layers(files.calibrate("onnx", more=False).layers)
    artifact = files.make("onnx", "mixed8-2")
    graph = onnx_graph.read_model(artifact.path)
    floats = {tensor.name for tensor in graph.graph.initializer if tensor.data_type == 1 and tensor.dims}
    weighted = [node for node in graph.graph.node if node.op_type in onnx_graph.WEIGHTED_OPS]
    assert {node.name for node in weighted if node.input[1] in floats} == {layer.name for layer in layers[:2]}
    assert artifact.bytes > built_both.targets[1].artifact.bytes


@pytest.mark.parametrize(
    ("format_name", "method"), [("tflite", "int16x8"), ("tflite", "int8"), ("onnx", "int8"), ("onnx", "int8_u8s8")]
)
def test_photos_of_every_calibrated_method_are_audited(both_context, prepare_model, monkeypatch, format_name, method):
    """Also those of int16x8, which sets its own ranges."""
    model = prepare_model()
    files = Files(both_context, model)
    photos = PhotoSet(part="train", photos=(model.dataset.train[0],) * 9, input_spec=model.input_spec)
    monkeypatch.setattr(files, "_draw_photos", lambda *, more: photos)
    with pytest.raises(DataError, match="9 times"):
        files.make(format_name, method)


def test_renamed_classes_are_renamed_in_an_onnx_file(both_context, prepare_model):
    """The trained weights may stay the same. The file that contains the labels must not."""
    for classes in (("apple", "square", "triangle"), ("circle", "square", "triangle")):
        files = Files(both_context, prepare_model(trained={"classes": classes}))
        assert read_labels(files.make("onnx", "float32").path) == list(classes)


def test_file_is_made_once_and_read_back(context, pipeline, delivered, watch_stage):
    shutil.rmtree(context.run.root / "convert-tflite-int8")
    calls = watch_stage("convert.quantize_with_ranges")
    first = pipeline.files.make("tflite", "int8")
    assert pipeline.files.make("tflite", "int8") == first and len(calls) == 1
    assert first.sha256 == delivered.artifact.sha256
