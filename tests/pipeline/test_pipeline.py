"""The parts of the pipeline belong together: targets share the model, its files and its scores."""

import dataclasses
import shutil

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError
from edgetl.pipeline.context import Context
from edgetl.pipeline.pipeline import Pipeline


def test_targets_share_model_files_and_scores(context, pipeline, watch_stage):
    name = "score-tflite-int8-xnnpack-test"
    shutil.rmtree(context.run.root / name)
    calls = watch_stage("score.score_artifact")
    parts = [pipeline.for_target(targets.find_target(target)) for target in ("tflite", "raspberry-pi-4")]
    assert [part.target.id for part in parts] == ["tflite", "raspberry-pi-4"]
    first, second = (part.delivery.score(part.selection.choose("int8"), "test") for part in parts)
    assert first == second and len(calls) == 1 and context.run.seconds["train"] == 0.0


def test_assembling_makes_nothing(empty_context):
    Pipeline(empty_context).for_target(empty_context.order.targets[0])
    assert empty_context.run.seconds == {}


def test_pinned_method_that_a_target_does_not_accept_is_refused_when_assembling(empty_context):
    pinned = dataclasses.replace(empty_context.order, method="int16x8")
    context = Context(order=pinned, run=empty_context.run, console=empty_context.console)
    with pytest.raises(ConfigError, match="armv7 does not accept int16x8"):
        Pipeline(context).for_target(targets.find_target("raspberry-pi-armv7"))
