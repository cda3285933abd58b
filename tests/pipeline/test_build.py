"""build: the whole chain, the choice of a method, and what is made again when something has changed."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgetl import stages
from edgetl.core import methods
from edgetl.core.console import Console
from edgetl.core.device import targets
from edgetl.core.errors import ConfigError, DataError
from edgetl.core.evaluation import ladder
from edgetl.core.recipe.resolve import resolve as recipe
from edgetl.core.records import Verdict
from edgetl.core.run import run_folder
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.pipeline.build import build, layers
from edgetl.pipeline.delivery import Delivery
from edgetl.pipeline.order import Order
from edgetl.pipeline.scores import Chain

QUIET = Console(quiet=True)


@pytest.fixture
def moved(built, tmp_path) -> Path:
    """The shared run's folder, copied to another place."""
    return Path(shutil.copytree(built.run, tmp_path / "moved" / "run"))


def stamps(root: Path) -> dict[str, int]:
    """Stage → when its JSON was written."""
    found = {}
    for folder in root.iterdir():
        path = folder / run_folder.stage_file_name(folder.name)
        if path.is_file():
            found[folder.name] = path.stat().st_mtime_ns
    return found


def remade(root: Path, order: Order) -> set[str]:
    """Build in a run folder; the stages that were made in it."""
    before = stamps(root)
    with run_folder.open_run(root) as run:
        build(order, run, QUIET)
    return {stage for stage, stamp in stamps(root).items() if before.get(stage) != stamp}


def changed(order: Order, **tables) -> Order:
    """The order with other values in its recipe."""
    values = {table: {**content, **tables.get(table, {})} for table, content in order.recipe.tables().items()}
    return Order(photos=order.photos, targets=order.targets, recipe=recipe.parse_recipe(values, "test"))


class ReachedError(Exception):
    """A stage was about to be made."""


def reaches(monkeypatch, name: str, order: Order, root: Path) -> bool:
    """Whether a build makes this stage, by the function of its name or "room.function"; it is stopped there."""

    def stop(*_, **__):
        raise ReachedError

    room, _, function = name.partition(".")
    monkeypatch.setattr(getattr(stages, room), function or room, stop)
    try:
        with run_folder.open_run(root) as run:
            build(order, run, QUIET)
    except ReachedError:
        return True
    return False


def test_what_a_build_leaves(built, order, photos):
    assert set(stamps(built.run)) == {
        "ingest",
        "train",
        "calibrate-tflite",
        "convert-tflite-int8",
        "convert-tflite-float32",
        "score-keras-validation",
        "score-keras-test",
        "score-tflite-int8-xnnpack-validation",
        "score-tflite-int8-xnnpack-test",
        "score-tflite-int8-reference-test",
        "score-tflite-float32-xnnpack-test",
        "verify-tflite-int8-validation",
        "verify-tflite-int8-test",
        "bundle-tflite",
    }
    assert not list(built.run.glob(".*.tmp"))
    assert set(built.seconds) == set(stamps(built.run)) and built.seconds["train"] > 0
    assert built.artifact.method == "int8" and built.trained.sha256 == built.artifact.trained_sha256
    assert built.verdict.artifact_sha256 == built.bundle.artifact_sha256 == built.artifact.sha256
    assert [candidate.artifact.method for candidate in built.candidates] == ["int8"]
    kept = Order.of(built.run)
    assert (kept.photos, kept.target().id, kept.recipe, kept.method) == (photos, "tflite", order.recipe, "")


def test_the_verdict_is_on_test_photos_and_the_choice_on_others(built, shared_dataset):
    assert (built.verdict.part, built.verdict.photos) == ("test", len(shared_dataset.test))
    (candidate,) = built.candidates
    assert (candidate.validation.part, candidate.validation.photos) == ("validation", len(shared_dataset.validation))
    assert built.verdict.agreement > 0.9
    assert [hop.name for hop in built.verdict.hops] == [
        "Keras",
        "float32 TFLite",
        "int8, reference kernels",
        "int8, XNNPACK",
    ]


def test_the_bundle_is_whole(built):
    for name, digest in built.bundle.files.items():
        assert hashlib.sha256((built.bundle.root / name).read_bytes()).hexdigest() == digest
    assert (built.bundle.root / "model.tflite").read_bytes() == built.artifact.path.read_bytes()


def test_a_second_build_makes_nothing_even_if_the_run_moved(built, moved, order):
    with run_folder.open_run(moved) as run:
        again = build(order, run, QUIET)
    assert set(again.seconds.values()) == {0.0} and set(again.seconds) == set(built.seconds)
    assert again.verdict == built.verdict and again.artifact.sha256 == built.artifact.sha256
    assert again.bundle.root == moved / "bundle-tflite" / "bundle"
    assert again.trained.path.is_relative_to(moved)


def test_a_moved_run_repeats_its_verdict(built, moved):
    with run_folder.open_run(moved) as run:
        order = Order.of(moved)
        delivery = Delivery(Chain(order, run, QUIET), order.target())
        run.make_again("score", "verify")
        verdict = delivery.verdict(delivery.chosen(), "test", ledger=True)
        assert run.seconds["train"] == 0.0 and run.seconds["convert-tflite-int8"] == 0.0
        assert run.seconds["score-keras-test"] > 0
    assert verdict.model_dump(exclude={"host_ms", "hops"}) == built.verdict.model_dump(exclude={"host_ms", "hops"})


def test_photos_in_another_place_are_the_same_photos(photos, order, moved, shared_dataset, tmp_path):
    elsewhere = Path(shutil.copytree(photos, tmp_path / "elsewhere"))
    renamed = elsewhere / shared_dataset.test[0].path
    renamed.rename(renamed.with_name("renamed.png"))
    other = Order(photos=elsewhere, targets=order.targets, recipe=order.recipe)
    again = remade(moved, other)
    assert "train" not in again and not {stage for stage in again if stage.startswith(("convert", "score"))}
    # It names photos.
    assert "verify-tflite-int8-test" in again


def test_another_limit_judges_again_and_no_more(order, moved):
    again = remade(moved, changed(order, contract={"limit_drop": 0.4}))
    assert again == {"verify-tflite-int8-validation", "verify-tflite-int8-test", "bundle-tflite"}
    verdict = run_folder.read_finished_stage(moved / "verify-tflite-int8-test", Verdict)
    assert verdict is not None and verdict.record.outcome == "PASS"


def test_other_calibration_photos_convert_again_and_train_not(order, moved, monkeypatch):
    other = changed(order, convert={"calibration_photos": 7})
    assert not reaches(monkeypatch, "train", order, moved)
    assert reaches(monkeypatch, "calibrate", other, moved)
    monkeypatch.undo()


@pytest.mark.parametrize(
    "tables",
    [{"training": {"seed": 2}}, {"phase1": {"epochs": 4}}, {"head": {"dropout": 0.5}}, {"augment": {"flip": False}}],
)
def test_another_recipe_for_training_trains_again(order, moved, monkeypatch, tables):
    assert reaches(monkeypatch, "train", changed(order, **tables), moved)


def test_a_failed_stage_is_not_kept(order, moved, monkeypatch):
    before = stamps(moved)
    for _ in range(2):
        assert reaches(monkeypatch, "train", changed(order, training={"seed": 2}), moved)
    assert stamps(moved) == before and not list(moved.glob(".*.tmp"))
    monkeypatch.undo()
    assert remade(moved, order) <= {"ingest"}


def test_other_weights_in_the_same_file_train_again(order, moved, base_weights, tmp_path, monkeypatch):
    other = tmp_path / "other.weights.h5"
    other.write_bytes(base_weights.read_bytes())
    same = changed(order, base={"weights": str(other)})
    assert reaches(monkeypatch, "train", same, moved)
    with base_weights.open("rb") as file:
        content = file.read()
    try:
        base_weights.write_bytes(content + b"\0")
        assert reaches(monkeypatch, "train", order, moved)
    finally:
        base_weights.write_bytes(content)


def test_a_new_photo_trains_again(order, photos, moved, tmp_path, draw_photos, monkeypatch):
    more = Path(shutil.copytree(photos, tmp_path / "more"))
    draw_photos(more, range(50, 51))
    other = Order(photos=more, targets=order.targets, recipe=order.recipe)
    with run_folder.open_run(moved) as run:
        old, new = Chain(order, run, QUIET).dataset, Chain(other, run, QUIET).dataset
    assert old.sha256 != new.sha256
    assert len(new.train) + len(new.validation) + len(new.test) - len(old.train + old.validation + old.test) in (2, 3)
    for part in ("train", "validation", "test"):
        assert {photo.sha256 for photo in old.part(part)} <= {photo.sha256 for photo in new.part(part)}
    assert reaches(monkeypatch, "train", other, moved)


def test_a_deleted_artifact_is_made_again_and_nothing_else(built, order, moved):
    (moved / "convert-tflite-int8" / "model.tflite").unlink()
    assert remade(moved, order) == {"convert-tflite-int8"}
    assert (moved / "convert-tflite-int8" / "model.tflite").read_bytes() == built.artifact.path.read_bytes()


@pytest.mark.parametrize(
    ("damaged", "stage"),
    [
        ("convert-tflite-int8/model.tflite", "convert.quantize"),
        ("calibrate-tflite/calibrated.tflite", "calibrate"),
        ("train/model.keras", "train"),
        ("bundle-tflite/bundle/labels.txt", "bundle"),
    ],
)
def test_a_file_that_was_changed_is_made_again(order, moved, monkeypatch, damaged, stage):
    path = moved / damaged
    path.write_bytes(path.read_bytes() + b"\0")
    assert reaches(monkeypatch, stage, order, moved)


def test_two_builds_from_scratch_give_the_same_model(built, built_by_cli):
    other = Path(json.loads(built_by_cli.stdout)["run"])
    assert other != built.run
    for name in ("int8", "float32"):
        theirs = other / f"convert-tflite-{name}" / "model.tflite"
        assert theirs.read_bytes() == (built.run / f"convert-tflite-{name}" / "model.tflite").read_bytes()


def test_a_method_that_the_target_does_not_take(order, tmp_path):
    accepts = order.targets[0].accepts.model_copy(update={"methods": ("int8", "float32")})
    target = order.targets[0].model_copy(update={"accepts": accepts})
    refused = Order(photos=order.photos, targets=(target,), recipe=order.recipe, method="float16")
    with (
        run_folder.open_run(tmp_path / "run") as run,
        pytest.raises(ConfigError, match="does not take float16") as caught,
    ):
        build(refused, run, QUIET)
    assert caught.value.hint == "it takes int8, float32" and caught.value.where == (str(target.source),)
    assert "ingest" not in stamps(tmp_path / "run"), "refused before any work"


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_part_without_photos_is_said_in_a_sentence(order, draw_photos, tmp_path, part):
    """A photo's part is drawn from its content: with few photos the draw can leave a part empty."""
    root = draw_photos(tmp_path / "few", range(60, 110))
    low, high = {"test": (0.0, 0.2), "validation": (0.2, 0.35)}[part]
    for path in root.rglob("*.png"):
        if low <= int(hashlib.sha256(path.read_bytes()).hexdigest()[:16], 16) / 2**64 < high:
            path.unlink()
    few = Order(photos=root, targets=order.targets, recipe=order.recipe)
    with run_folder.open_run(tmp_path / "run") as run, pytest.raises(DataError) as caught:
        _ = Chain(few, run, QUIET).dataset
    assert part in " ".join([caught.value.message, *caught.value.where])


def test_a_runtime_without_fast_kernels_is_judged_on_the_plain_ones(moved, order):
    board = dataclasses.replace(order, targets=(targets.find_target("raspberry-pi-armv7"),))
    with run_folder.open_run(moved) as run:
        made = build(board, run, QUIET)
    assert made.verdict.hops[-1].name == f"{made.artifact.method}, reference kernels"
    answered = {path.name for path in moved.glob("score-tflite-int8-*")}
    assert {"score-tflite-int8-reference-validation", "score-tflite-int8-reference-test"} <= answered
    facts = json.loads((made.bundle.root / "model.json").read_text(encoding="utf-8"))
    assert facts["target"] == "raspberry-pi-armv7"
    assert facts["runtime"]["accelerated"] is False and facts["runtime"]["architectures"] == ["armv7l"]
    # The golden answers, too, are those of the plain kernels.
    with np.load(made.bundle.root / "golden" / "expected.npz") as arrays:
        golden = arrays["outputs"]
    scores = np.load(moved / "score-tflite-int8-reference-test" / "scores.npy")
    output = made.artifact.output
    wanted = {tuple(np.round(row / output.scale + output.zero_point).astype(int)) for row in scores}
    assert {tuple(row) for row in golden.astype(int)} <= wanted


def test_two_targets_of_one_run_share_the_model_and_are_judged_apart(moved, order):
    both = dataclasses.replace(order, targets=(*order.targets, targets.find_target("raspberry-pi-armv7")))
    with run_folder.open_run(moved) as run:
        made = build(both, run, QUIET)
    assert made.seconds["train"] == 0.0 and [one.target for one in made.targets] == ["tflite", "raspberry-pi-armv7"]
    fast, plain = made.targets
    assert fast.artifact == plain.artifact and fast.bundle.root != plain.bundle.root
    assert fast.verdict.hops[-1].name == "int8, XNNPACK" and plain.verdict.hops[-1].name == "int8, reference kernels"
    assert {"methods-tflite.svg", "methods-raspberry-pi-armv7.svg"} <= {path.name for path in moved.iterdir()}
    (agreement,) = made.agreements
    assert agreement.targets == ("tflite", "raspberry-pi-armv7")
    scores = [np.load(moved / f"score-tflite-int8-{name}-test" / "scores.npy") for name in ("xnnpack", "reference")]
    assert agreement.same == int((scores[0].argmax(1) == scores[1].argmax(1)).sum())
    assert agreement.photos == fast.verdict.photos == len(scores[0])
    with run_folder.open_run(moved) as run:
        assert set(build(both, run, QUIET).seconds.values()) == {0.0}, "neither undoes what the other made"


def test_tflite_and_onnx_of_one_model(built, built_both):
    lite, onnx = built_both.targets
    assert built_both.seconds["train"] == 0.0 and lite.artifact.sha256 == built.artifact.sha256
    assert (lite.artifact.format, onnx.artifact.format) == ("tflite", "onnx")
    assert {
        "translate-onnx",
        "convert-onnx-int8",
        "score-onnx-int8-onnxruntime-test",
        "score-onnx-int8-reference-test",
    } <= set(stamps(built_both.run))
    assert {"verify-onnx-int8-test", "bundle-onnx"} <= set(stamps(built_both.run))
    assert onnx.verdict.reference_accuracy == lite.verdict.reference_accuracy, "one reference for both"
    assert [hop.name for hop in onnx.verdict.hops] == [
        "Keras",
        "float32 ONNX",
        "int8, graph as written",
        "int8, onnxruntime",
    ]
    assert onnx.verdict.hops[1].agreement == 1.0 and onnx.verdict.hops[1].worst_difference < 1e-5
    assert onnx.verdict.agreement > 0.9
    (agreement,) = built_both.agreements
    assert agreement.targets == ("tflite", "onnx") and 0.9 * agreement.photos < agreement.same <= agreement.photos
    assert (onnx.bundle.root / "model.onnx").read_bytes() == onnx.artifact.path.read_bytes()


def test_the_labels_in_an_onnx_file_are_those_of_the_folders(built_both, shared_dataset):
    onnx = built_both.targets[1]
    said = {prop.key: prop.value for prop in onnx_graph.read_model(onnx.bundle.root / "model.onnx").metadata_props}
    facts = json.loads((onnx.bundle.root / "model.json").read_text(encoding="utf-8"))
    lines = (onnx.bundle.root / "labels.txt").read_text(encoding="utf-8").splitlines()
    assert json.loads(said["labels"]) == facts["output"]["labels"] == lines == list(shared_dataset.classes)


def test_what_int8_does_to_the_layers_of_both_formats(built_both, order):
    both = dataclasses.replace(order, targets=(targets.find_target("tflite"), targets.find_target("onnx")))
    before = stamps(built_both.run)
    with run_folder.open_run(built_both.run) as run:
        found = layers(both, run, QUIET)
        assert list(layers(order, run, QUIET)) == ["tflite"]
    assert stamps(built_both.run) == before, "kept from the build"
    weighted = {form: len(ladder.select_weighted_layers(errors)) for form, errors in found.items()}
    assert weighted["tflite"] == weighted["onnx"] == 28
    for errors in found.values():
        assert [layer.error_steps for layer in errors] == sorted((one.error_steps for one in errors), reverse=True)


def test_an_onnx_file_with_layers_in_float(built_both, order, moved):
    """mixed8 for ONNX: the worst layers in float, by their measured error."""
    with run_folder.open_run(moved) as run:
        chain = Chain(order, run, QUIET)
        worst = {one.name for one in ladder.select_weighted_layers(chain.ranges("onnx", more=False).layers)[:2]}
        artifact = chain.artifact("onnx", "mixed8-2")
        assert chain.futile("onnx", methods.find_method("mixed8-2")) == ""
        assert "more than half" in chain.futile("onnx", methods.find_method("mixed8-99"))
    graph = onnx_graph.read_model(artifact.path)
    floats = {tensor.name for tensor in graph.graph.initializer if tensor.data_type == 1 and tensor.dims}
    heavy = [node for node in graph.graph.node if node.op_type in onnx_graph.WEIGHTED_OPS]
    assert {node.name for node in heavy if node.input[1] in floats} == worst
    assert artifact.bytes > built_both.targets[1].artifact.bytes


def test_photos_of_every_calibrated_method_are_audited(order, moved, monkeypatch):
    """int16x8 takes no ranges from the shared ones, and its photos are held to the same rules."""
    with run_folder.open_run(moved) as run:
        chain = Chain(order, run, QUIET)
        monkeypatch.setattr(chain, "_calibration", lambda *, more: (chain.dataset.train[0],) * 9)
        for form, name in (("tflite", "int16x8"), ("tflite", "int8"), ("onnx", "int8"), ("onnx", "int8_u8s8")):
            with pytest.raises(DataError, match="stands 9 times"):
                chain.artifact(form, name)


def test_renamed_classes_are_renamed_in_the_file(built_both, moved, order):
    """The trained numbers may stay the same; the file that carries the labels must not."""
    with run_folder.open_run(moved) as run:
        chain = Chain(order, run, QUIET)
        chain.trained = chain.trained.model_copy(update={"classes": ("apple", "square", "triangle")})
        said = {
            prop.key: prop.value
            for prop in onnx_graph.read_model(chain.artifact("onnx", "float32").path).metadata_props
        }
        assert json.loads(said["labels"]) == ["apple", "square", "triangle"]
        chain.trained = built_both.trained
        said = {
            prop.key: prop.value
            for prop in onnx_graph.read_model(chain.artifact("onnx", "float32").path).metadata_props
        }
        assert json.loads(said["labels"]) == ["circle", "square", "triangle"]


def test_a_method_that_one_of_several_targets_does_not_take(order, tmp_path):
    both = (*order.targets, targets.find_target("raspberry-pi-armv7"))
    refused = Order(photos=order.photos, targets=both, recipe=order.recipe, method="int16x8")
    with run_folder.open_run(tmp_path / "run") as run, pytest.raises(ConfigError, match="armv7 does not take int16x8"):
        build(refused, run, QUIET)
    assert stamps(tmp_path / "run") == {}, "refused before any work"


def test_devices_of_one_name_are_refused(moved, order):
    with run_folder.open_run(moved) as run:
        delivery = Delivery(Chain(order, run, QUIET), order.target())
        artifact = delivery.chosen()
        bundle = delivery.bundle(artifact, delivery.verdict(artifact, "test", ledger=True))
        wanted = delivery.wanted(artifact, soak_s=0.0, accuracy=False)
        assert wanted.photos == () and wanted.model_sha256 == artifact.sha256
        assert len(delivery.wanted(artifact, soak_s=0.0, accuracy=True).photos) == len(delivery.chain.dataset.test)
        with pytest.raises(ConfigError, match="same name"):
            delivery.fleet(["pi@a", "pi_a"], bundle, wanted)
