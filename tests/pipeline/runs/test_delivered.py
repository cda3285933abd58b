"""The file and the bundle of a finished run are read back, or named with the command that makes them."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from edgetl.core.device import targets
from edgetl.core.errors import ConfigError
from edgetl.pipeline.context import MEASURING, Context
from edgetl.pipeline.pipeline import Pipeline
from edgetl.pipeline.runs.delivered import find_artifact, find_bundle


@pytest.fixture
def part(context):
    """The pipeline of a copy of the shared run, as `bench` has it."""
    return Pipeline(dataclasses.replace(context, makes=MEASURING)).for_target(context.order.targets[0])


def test_file_and_bundle_of_a_build_are_found(part, delivered):
    artifact, bundle = find_bundle(part)
    assert find_artifact(part) == artifact and artifact.sha256 == delivered.artifact.sha256
    assert bundle.files == delivered.bundle.files and bundle.root.is_relative_to(part.context.run.root)
    assert find_bundle(part, "int8") == (artifact, bundle)
    assert find_artifact(part, "float32").method == "float32"


def test_chosen_file_is_found_without_repeating_the_choice(part):
    """A method before it may have failed, or its file may be gone."""
    for folder in part.context.run.root.glob("verify-*-validation"):
        shutil.rmtree(folder)
    assert find_artifact(part).method == "int8"


def test_bundle_after_another_verdict_is_still_that_of_the_run(part):
    """The latencies in a verdict differ each time, and with them the fingerprint of the bundle."""
    part.delivery.judge(find_artifact(part), again=True)
    assert find_bundle(part)[1].method == "int8"


def test_missing_bundle_is_named_with_the_build(part):
    shutil.rmtree(part.context.run.root / "bundle-tflite")
    for find in (find_artifact, find_bundle):
        with pytest.raises(ConfigError, match="the bundle for tflite does not exist") as caught:
            find(part)
        assert "edgetl build" in caught.value.hint and str(part.context.order.photos) in caught.value.hint


def test_changed_bundle_is_not_measured(part):
    (part.context.run.root / "bundle-tflite" / "bundle" / "labels.txt").write_text("x")
    with pytest.raises(ConfigError, match="the bundle for tflite was changed or is incomplete"):
        find_bundle(part)


def test_bundle_of_an_earlier_model_is_named(part):
    root = part.context.run.root
    (root / "bundle-tflite").rename(root / "earlier-bundle-tflite")
    with pytest.raises(ConfigError, match=r"contains an earlier model, see .*earlier-bundle-tflite"):
        find_bundle(part)


def test_bundle_with_another_file_than_that_of_the_model_is_out_of_date(part):
    """A build was killed after its conversion."""
    path = part.context.run.root / "bundle-tflite" / "bundle.json"
    content = json.loads(path.read_text())
    other = content["record"]["files"]["labels.txt"]
    content["record"]["artifact_sha256"] = other
    # The file of that name is what the bundle claims to be its model.
    content["record"]["files"].pop("labels.txt")
    content["record"]["files"]["model.tflite"] = other
    model = part.context.run.root / "bundle-tflite" / "bundle" / "model.tflite"
    shutil.copyfile(model.with_name("labels.txt"), model)
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=rf"is out of date: its int8 file \(sha256 {other[:12]}…\) is not that"):
        find_bundle(part)


def test_bundle_of_another_method_is_named_with_the_command_for_it(part):
    with pytest.raises(ConfigError, match="contains int8, not this run's float32") as caught:
        find_bundle(part, "float32")
    assert caught.value.hint.startswith("make it with: edgetl bundle ") and "--method float32" in caught.value.hint
    assert "--target" not in caught.value.hint


def test_command_for_one_of_several_targets_names_it(built_both, context):
    order = dataclasses.replace(context.order, targets=(targets.find_target("tflite"), targets.find_target("onnx")))
    limited = Context(order=order, run=context.run, console=context.console, makes=MEASURING)
    part = Pipeline(limited).for_target(order.targets[0])
    with pytest.raises(ConfigError) as caught:
        find_bundle(part, "float32")
    assert caught.value.hint.endswith("--method float32 --target tflite")


def test_stale_model_comes_before_its_bundle(context):
    recipe = context.order.recipe
    phase1 = recipe.phase1.model_copy(update={"epochs": 9})
    order = dataclasses.replace(context.order, recipe=recipe.model_copy(update={"phase1": phase1}))
    limited = Context(order=order, run=context.run, console=context.console, makes=MEASURING)
    with pytest.raises(ConfigError, match="stage train is out of date: the recipe, the photos or an earlier stage"):
        find_bundle(Pipeline(limited).for_target(order.targets[0]))
    assert Path(context.run.root, "bundle-tflite").is_dir()
