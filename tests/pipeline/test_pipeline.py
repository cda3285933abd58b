"""The parts of the pipeline belong together: targets share the model, its files and its scores."""

import dataclasses

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError
from edgetl.pipeline.context import Context
from edgetl.pipeline.pipeline import Pipeline


def test_targets_share_model_files_and_scores(empty_context):
    pipeline = Pipeline(empty_context)
    parts = [pipeline.for_target(targets.find_target(name)) for name in ("tflite", "onnx")]
    assert [part.target.id for part in parts] == ["tflite", "onnx"]
    for part in parts:
        assert part.context is empty_context
        assert part.selection._files is pipeline.files
        for judged in (part.selection, part.delivery, part.devices):
            assert judged._scores is pipeline.scores
        for sent in (part.delivery, part.devices):
            assert sent._model is pipeline.model


def test_assembling_makes_nothing(empty_context):
    Pipeline(empty_context).for_target(empty_context.order.targets[0])
    assert empty_context.run.seconds == {}


def test_pinned_method_that_a_target_does_not_accept_is_refused_when_assembling(empty_context):
    pinned = dataclasses.replace(empty_context.order, method="int16x8")
    context = Context(order=pinned, run=empty_context.run, console=empty_context.console)
    with pytest.raises(ConfigError, match="armv7 does not accept int16x8"):
        Pipeline(context).for_target(targets.find_target("raspberry-pi-armv7"))
