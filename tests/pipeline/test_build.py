"""A whole build: what it leaves, what is made again when something has changed, and builds for several targets."""

import dataclasses
import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.device import targets
from edgetl.core.errors import ConfigError
from edgetl.core.evaluation import ladder
from edgetl.core.recipe.resolve import parse_recipe
from edgetl.core.run.pins import write_pin
from edgetl.core.run.run_folder import open_run, read_finished_stage, stage_file_name
from edgetl.core.verdict_records import Verdict
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.build import SCORES
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.pipeline.build import rank_layers, run_build
from edgetl.pipeline.context import Context
from edgetl.pipeline.order import load_order
from edgetl.pipeline.pipeline import Pipeline

QUIET = Console(quiet=True)


@pytest.fixture
def copied(built, tmp_path) -> Path:
    """The run folder of the shared run, copied to another place."""
    return Path(shutil.copytree(built.run, tmp_path / "copied" / "run"))


@pytest.fixture
def both(order):
    """The shared order for TFLite and ONNX."""
    return dataclasses.replace(order, targets=(targets.find_target("tflite"), targets.find_target("onnx")))


def build(order, root):
    with open_run(root) as run:
        return run_build(Context(order=order, run=run, console=QUIET))


def list_times(root: Path) -> dict[str, int]:
    """Return for each finished stage when its JSON file was written, in ns."""
    paths = {folder.name: folder / stage_file_name(folder.name) for folder in root.iterdir()}
    return {name: path.stat().st_mtime_ns for name, path in paths.items() if path.is_file()}


def list_remade(root: Path, order) -> set[str]:
    """Build in a run folder; return the stages that were made."""
    before = list_times(root)
    build(order, root)
    # The results follow from all other stages.
    return {stage for stage, time in list_times(root).items() if before.get(stage) != time} - {"results"}


def change_recipe(order, **tables):
    """Return the order with other values in its recipe."""
    values = {table: {**content, **tables.get(table, {})} for table, content in order.recipe.tables().items()}
    return dataclasses.replace(order, recipe=parse_recipe(values, "test"))


class ReachedError(Exception):
    """A stage was about to be made."""


@pytest.fixture
def reaches(watch_stage):
    """Return a function: whether a build makes a stage, as in "train.train_model". The build is stopped there."""

    def stop(*_):
        raise ReachedError

    def check(name, order, root) -> bool:
        watch_stage(name, stop)
        try:
            build(order, root)
        except ReachedError:
            return True
        return False

    return check


# What a build leaves


def test_build_leaves_each_stage_and_the_order(built, delivered, order, photos):
    assert set(list_times(built.run)) == {
        "ingest",
        "train",
        "calibrate-tflite",
        "convert-tflite-int8",
        "convert-tflite-float32",
        "features-tflite-int8",
        "features-tflite-float32",
        "score-keras-validation",
        "score-keras-test",
        "score-tflite-int8-xnnpack-validation",
        "score-tflite-int8-xnnpack-test",
        "score-tflite-int8-reference-test",
        "score-tflite-float32-xnnpack-test",
        "verify-tflite-int8-validation",
        "verify-tflite-int8-test",
        "answers-tflite",
        "heatmaps-tflite",
        "findings",
        "bundle-tflite",
        "results",
    }
    assert built.report == built.run / "report.html" and built.report.is_file()
    assert not list(built.run.glob(".*.tmp"))
    assert set(built.seconds) == set(list_times(built.run)) and built.seconds["train"] > 0
    assert delivered.artifact.method == "int8" and built.trained.sha256 == delivered.artifact.trained_sha256
    assert delivered.verdict.artifact_sha256 == delivered.bundle.artifact_sha256 == delivered.artifact.sha256
    assert [candidate.artifact.method for candidate in delivered.candidates] == ["int8"]
    assert delivered.picture == built.run / "methods.svg" and delivered.picture.is_file()
    saved = load_order(built.run)
    assert (saved.photos, saved.find_target().id, saved.recipe, saved.method) == (photos, "tflite", order.recipe, "")


def test_file_is_chosen_on_validation_photos_and_judged_on_test_photos(delivered, shared_dataset):
    verdict = delivered.verdict
    assert (verdict.part, verdict.photos) == ("test", len(shared_dataset.test))
    (candidate,) = delivered.candidates
    assert (candidate.validation.part, candidate.validation.photos) == ("validation", len(shared_dataset.validation))
    assert verdict.agreement > 0.9
    assert [hop.name for hop in verdict.hops] == ["Keras", "float32 TFLite", "int8, XNNPACK", "int8, reference kernels"]


def test_bundle_contains_the_files_of_its_record(delivered):
    bundle = delivered.bundle
    for name, digest in bundle.files.items():
        assert hashlib.sha256((bundle.root / name).read_bytes()).hexdigest() == digest
    assert (bundle.root / "model.tflite").read_bytes() == delivered.artifact.path.read_bytes()


def test_two_builds_from_scratch_give_the_same_files(built, built_by_cli):
    """One in this process, the other by the command line, with another cache and after an interruption."""
    assert built_by_cli.run != built.run
    path = Path("convert-tflite-float32") / "model.tflite"
    expected, content = (built.run / path).read_bytes(), (built_by_cli.run / path).read_bytes()
    # The weights of the last layer were divided by the temperature of the shared run, which the other has not.
    head = keras_model.load_model(built_by_cli.run / "train" / "model.keras").get_layer(SCORES)
    for weight in head.get_weights():
        values = weight.T.tobytes()
        assert content.count(values) == 1
        content = content.replace(values, (weight / np.float32(built.trained.temperature)).T.tobytes())
    assert content == expected


# What is made again


def test_second_build_makes_nothing_even_if_the_run_moved(built, delivered, copied, order):
    again = build(order, copied)
    assert set(again.seconds.values()) == {0.0} and set(again.seconds) == set(built.seconds)
    (result,) = again.targets
    assert result.verdict == delivered.verdict and result.artifact.sha256 == delivered.artifact.sha256
    assert result.bundle.root == copied / "bundle-tflite" / "bundle"
    assert again.trained.path.is_relative_to(copied)
    assert [attempt.seconds for attempt in result.attempts] == [attempt.seconds for attempt in delivered.attempts]


def test_photos_in_another_folder_are_the_same_photos(photos, order, copied, shared_dataset, tmp_path):
    elsewhere = Path(shutil.copytree(photos, tmp_path / "elsewhere"))
    renamed = elsewhere / shared_dataset.test[0].path
    renamed.rename(renamed.with_name("renamed.png"))
    remade = list_remade(copied, dataclasses.replace(order, photos=elsewhere))
    assert "train" not in remade and not {stage for stage in remade if stage.startswith(("convert", "score"))}
    # The verdict contains the names of photos.
    assert "verify-tflite-int8-test" in remade


def test_another_limit_judges_again_and_makes_no_other_stage(order, copied):
    remade = list_remade(copied, change_recipe(order, contract={"limit_drop": 0.4}))
    assert remade == {"verify-tflite-int8-validation", "verify-tflite-int8-test", "bundle-tflite"}
    verdict = read_finished_stage(copied / "verify-tflite-int8-test", Verdict)
    assert verdict is not None and verdict.record.outcome == "PASS"


def test_verdict_is_the_same_without_features(order, copied, delivered):
    (result,) = build(change_recipe(order, answers={"features": False}), copied).targets
    measured = {"artifact_sha256", "host_ms", "host_disturbed"}
    assert result.verdict.model_dump(exclude=measured) == delivered.verdict.model_dump(exclude=measured)
    assert result.artifact.features == 0 < delivered.artifact.features
    assert result.artifact.path.parent.name == "convert-tflite-int8"
    assert result.answers == () and "features.npy" not in result.bundle.files
    assert "answers" not in json.loads((result.bundle.root / "model.json").read_text(encoding="utf-8"))


def test_other_shares_set_the_answers_again_and_judge_nothing(order, copied):
    remade = list_remade(copied, change_recipe(order, answers={"reject_own": 0.2}))
    assert remade == {"answers-tflite", "bundle-tflite"}


def test_contract_on_balanced_accuracy_judges_again_and_makes_no_other_stage(order, copied, delivered):
    remade = list_remade(copied, change_recipe(order, contract={"measure": "balanced", "limit_drop": 0.4}))
    assert remade == {"verify-tflite-int8-validation", "verify-tflite-int8-test", "bundle-tflite"}
    verdict = read_finished_stage(copied / "verify-tflite-int8-test", Verdict).record
    assert (verdict.measure, verdict.accuracy) == ("balanced", delivered.verdict.accuracy)
    assert verdict.drop == pytest.approx(verdict.reference_balanced_accuracy - verdict.balanced_accuracy)
    facts = json.loads((copied / "bundle-tflite" / "bundle" / "model.json").read_text(encoding="utf-8"))
    assert facts["provenance"]["verdict"]["measure"] == "balanced"
    assert "balanced accuracy lost against Keras" in (copied / "methods.svg").read_text(encoding="utf-8")


def test_other_calibration_photos_calibrate_again_and_do_not_train(order, copied, reaches):
    fewer = change_recipe(order, convert={"calibration_photos": 7})
    assert not reaches("train.train_model", order, copied)
    assert reaches("calibrate.calibrate_activations", fewer, copied)


@pytest.mark.parametrize(
    "tables",
    [{"training": {"seed": 2}}, {"phase1": {"epochs": 4}}, {"head": {"dropout": 0.5}}, {"augment": {"flip": False}}],
    ids=lambda tables: next(iter(tables)),
)
def test_another_recipe_for_training_trains_again(order, copied, reaches, tables):
    assert reaches("train.train_model", change_recipe(order, **tables), copied)


def test_failed_stage_is_not_kept(order, copied, reaches, monkeypatch):
    before = list_times(copied)
    for _ in range(2):
        assert reaches("train.train_model", change_recipe(order, training={"seed": 2}), copied)
    assert list_times(copied) == before and not list(copied.glob(".*.tmp"))
    monkeypatch.undo()
    assert list_remade(copied, order) <= {"ingest"}


def test_other_weights_in_the_same_file_train_again(built, order, copied, base_weights, tmp_path, watch_stage):
    def copy_model(work, *_):
        path = Path(shutil.copy(built.trained.path, work.folder / "model.keras"))
        return built.trained.model_copy(update={"path": path})

    calls = watch_stage("train.train_model", copy_model)
    weights = Path(shutil.copy(base_weights, tmp_path / "copy.weights.h5"))
    changed = change_recipe(order, base={"weights": str(weights)})
    with open_run(copied) as run:
        for trainings, content in ((1, b""), (1, b""), (2, b"\0"), (2, b"")):
            weights.write_bytes(weights.read_bytes() + content)
            _ = Pipeline(Context(order=changed, run=run, console=QUIET)).model.trained
            assert len(calls) == trainings


def test_deleted_file_is_made_again_and_nothing_else(delivered, order, copied):
    for stage in ("convert-tflite-int8", "features-tflite-int8"):
        path = copied / stage / "model.tflite"
        before = path.read_bytes()
        path.unlink()
        assert list_remade(copied, order) == {stage}
        assert path.read_bytes() == before
    assert before == delivered.artifact.path.read_bytes()


@pytest.mark.parametrize(
    ("damaged", "stage"),
    [
        ("convert-tflite-int8/model.tflite", "convert.quantize_with_ranges"),
        ("calibrate-tflite/calibrated.tflite", "calibrate.calibrate_activations"),
        ("train/model.keras", "train.train_model"),
        ("bundle-tflite/bundle/labels.txt", "bundle.bundle_artifact"),
    ],
)
def test_changed_file_is_made_again(order, copied, reaches, damaged, stage):
    path = copied / damaged
    path.write_bytes(path.read_bytes() + b"\0")
    assert reaches(stage, order, copied)


# Several targets


def test_method_that_the_target_does_not_accept_is_refused_before_any_stage(order, tmp_path):
    accepts = order.targets[0].accepts.model_copy(update={"methods": ("int8", "float32")})
    target = order.targets[0].model_copy(update={"accepts": accepts})
    refused = dataclasses.replace(order, targets=(target,), method="float16")
    with pytest.raises(ConfigError, match="does not accept float16") as caught:
        build(refused, tmp_path / "run")
    assert caught.value.hint == "it accepts int8, float32" and caught.value.where == (str(target.source),)
    assert list_times(tmp_path / "run") == {}


def test_method_that_one_of_several_targets_does_not_accept_is_refused_before_any_stage(order, tmp_path):
    several = (*order.targets, targets.find_target("raspberry-pi-armv7"))
    with pytest.raises(ConfigError, match="armv7 does not accept int16x8"):
        build(dataclasses.replace(order, targets=several, method="int16x8"), tmp_path / "run")
    assert list_times(tmp_path / "run") == {}


def test_target_without_fast_kernels_is_judged_on_reference_kernels(copied, order):
    built = build(dataclasses.replace(order, targets=(targets.find_target("raspberry-pi-armv7"),)), copied)
    (result,) = built.targets
    assert result.verdict.hops[-1].name == f"{result.artifact.method}, reference kernels"
    scored = {path.name for path in copied.glob("score-tflite-int8-*")}
    assert {"score-tflite-int8-reference-validation", "score-tflite-int8-reference-test"} <= scored
    facts = json.loads((result.bundle.root / "model.json").read_text(encoding="utf-8"))
    assert facts["target"] == "raspberry-pi-armv7"
    assert facts["runtime"]["accelerated"] is False and facts["runtime"]["architectures"] == ["armv7l"]
    # The golden outputs are those of the reference kernels, too.
    with np.load(result.bundle.root / "golden" / "expected.npz") as arrays:
        golden = arrays["outputs"]
    scores = np.load(copied / "score-tflite-int8-reference-test" / "scores.npy")
    output = result.artifact.output
    expected = {tuple(np.round(row / output.scale + output.zero_point).astype(int)) for row in scores}
    assert {tuple(row) for row in golden.astype(int)} <= expected


def test_two_targets_share_the_model_and_are_judged_separately(copied, order):
    several = dataclasses.replace(order, targets=(*order.targets, targets.find_target("raspberry-pi-armv7")))
    built = build(several, copied)
    assert built.seconds["train"] == 0.0
    fast, reference = built.targets
    assert (fast.target, reference.target) == ("tflite", "raspberry-pi-armv7")
    assert fast.artifact == reference.artifact and fast.bundle.root != reference.bundle.root
    assert fast.verdict.hops[-2].name == "int8, XNNPACK"
    assert reference.verdict.hops[-1].name == "int8, reference kernels"
    assert {"methods-tflite.svg", "methods-raspberry-pi-armv7.svg"} <= {path.name for path in copied.iterdir()}
    (agreement,) = built.agreements
    assert agreement.targets == ("tflite", "raspberry-pi-armv7")
    scores = [np.load(copied / f"score-tflite-int8-{name}-test" / "scores.npy") for name in ("xnnpack", "reference")]
    assert agreement.same == int((scores[0].argmax(1) == scores[1].argmax(1)).sum())
    assert agreement.photos == fast.verdict.photos == len(scores[0])
    # Neither target's stages replace the other's.
    assert set(build(several, copied).seconds.values()) == {0.0}


def test_tflite_and_onnx_files_of_one_model(delivered, built_both):
    tflite, onnx = built_both.targets
    assert built_both.seconds["train"] == 0.0 and tflite.artifact.sha256 == delivered.artifact.sha256
    assert (tflite.artifact.format, onnx.artifact.format) == ("tflite", "onnx")
    assert {
        "translate-onnx",
        "convert-onnx-int8",
        "score-onnx-int8-onnxruntime-test",
        "score-onnx-int8-reference-test",
        "verify-onnx-int8-test",
        "bundle-onnx",
    } <= set(list_times(built_both.run))
    # Both are compared with the same reference.
    assert onnx.verdict.reference_accuracy == tflite.verdict.reference_accuracy
    assert [hop.name for hop in onnx.verdict.hops] == [
        "Keras",
        "float32 ONNX",
        "int8, onnxruntime",
        "int8, unoptimized graph",
    ]
    assert onnx.verdict.hops[1].agreement == 1.0 and onnx.verdict.hops[1].worst_difference < 1e-5
    assert onnx.verdict.agreement > 0.9
    (agreement,) = built_both.agreements
    assert agreement.targets == ("tflite", "onnx") and 0.9 * agreement.photos < agreement.same <= agreement.photos
    assert (onnx.bundle.root / "model.onnx").read_bytes() == onnx.artifact.path.read_bytes()


def test_labels_in_an_onnx_file_are_those_of_the_folders(built_both, shared_dataset):
    root = built_both.targets[1].bundle.root
    metadata = {entry.key: entry.value for entry in onnx_graph.read_model(root / "model.onnx").metadata_props}
    facts = json.loads((root / "model.json").read_text(encoding="utf-8"))
    lines = (root / "labels.txt").read_text(encoding="utf-8").splitlines()
    assert json.loads(metadata["labels"]) == facts["output"]["labels"] == lines == list(shared_dataset.classes)


def test_layers_of_both_formats_are_ranked_by_their_error(built_both, both, order, tmp_path):
    root = Path(shutil.copytree(built_both.run, tmp_path / "both"))
    before = list_times(root)
    with open_run(root) as run:
        layers = rank_layers(Context(order=both, run=run, console=QUIET))
        assert list(rank_layers(Context(order=order, run=run, console=QUIET))) == ["tflite"]
    # The ranges of the build are read back.
    assert list_times(root) == before
    weighted = {name: len(ladder.select_weighted_layers(errors)) for name, errors in layers.items()}
    assert weighted == {"tflite": 28, "onnx": 28}
    for errors in layers.values():
        assert [layer.error_steps for layer in errors] == sorted((layer.error_steps for layer in errors), reverse=True)


# The choice


def test_attempts_say_why_a_file_was_chosen_and_what_it_gains(delivered):
    (attempt,) = delivered.attempts
    assert attempt.reason.startswith("chosen: loses ") and delivered.next_method == ""
    assert delivered.gain.method == "int8" and delivered.gain.float32_bytes > 2 * delivered.gain.model_bytes
    (here,) = delivered.gain.latencies
    assert here.where == "on one thread of this machine" and min(here.ms, here.float32_ms) > 0


def test_next_file_is_named_with_its_command(built, delivered):
    assert built.list_next_files() == {"tflite": ""}
    followed = dataclasses.replace(delivered, next_method="qat8")
    named = dataclasses.replace(built, run=Path("/my runs/1"), targets=(followed,)).list_next_files()
    assert named == {"tflite": "the next file is qat8: edgetl bundle '/my runs/1' --method qat8"}
    other = dataclasses.replace(delivered, target="onnx")
    named = dataclasses.replace(built, run=Path("/run"), targets=(followed, other)).list_next_files()
    assert named["tflite"].endswith("edgetl bundle /run --target tflite --method qat8") and named["onnx"] == ""


def test_build_says_that_it_replaces_a_pinned_bundle(copied, order):
    stream = io.StringIO()
    write_pin(copied, "tflite", "float16")
    for _ in range(2):
        with open_run(copied) as run:
            run_build(Context(order=order, run=run, console=Console(quiet=True, stream=stream)))
    words = " ".join(stream.getvalue().split())
    assert words.count("the bundle for tflite was made with --method float16: this build chooses again") == 1
    assert f"puts int8 in its place; edgetl bundle {copied} --method float16 brings it back" in words
