"""show.py: stdout is for scripts, one object a line; people get their tables on the console's stream."""

import dataclasses
import io
import json
from pathlib import Path

import pytest

from edgetl.cli import output
from edgetl.core.console import Console
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.network.base_table import BASES
from edgetl.core.records import Artifact, Bundle, LayerError, Trained, TrainingPhase
from edgetl.core.verdict_records import ClassChange, Flip, LedgerHop, Verdict
from edgetl.pipeline.build import Agreement, Built, Delivered

VERDICT = Verdict(
    method="int8",
    artifact_sha256="a",
    part="test",
    photos=200,
    reference_accuracy=0.915,
    accuracy=0.905,
    broke=3,
    fixed=1,
    drop=0.01,
    drop_low=-0.005,
    drop_high=0.0275,
    confidence=0.95,
    limit_drop=0.02,
    outcome="PASS",
    photos_needed=None,
    agreement=0.975,
    reference_calibration_error=0.03,
    calibration_error=0.04,
    per_class=(ClassChange(name="Gänseblümchen", photos=200, reference_accuracy=0.9, accuracy=0.87),),
    worst_class="Gänseblümchen",
    flips=(Flip(path="a.jpg", truth="a", reference="a", artifact="b", confidence=0.5),),
    hops=(LedgerHop(name="convert", photos=200, accuracy=0.9, broke=3, fixed=1, agreement=0.9, worst_difference=0.1),),
    host_ms=1.5,
)
RUNG = Attempt(method="int8_more", seconds=0.0, told="no further photos", candidate=None)


@pytest.fixture
def built(tmp_path) -> Built:
    """A whole build, of what is shown only."""
    artifact = Artifact.model_construct(method="int8", bytes=640_000)
    phase = TrainingPhase(
        name="head",
        learning_rate=1e-3,
        first_epoch=1,
        last_epoch=2,
        best_epoch=2,
        trainable_parameters=3,
        first_trainable_layer="head",
        validation_accuracy=0.9,
        validation_loss=0.3,
        accepted=True,
        note="",
        seconds=1.0,
    )
    candidate = Candidate(artifact=artifact, validation=VERDICT.model_copy(update={"part": "validation"}))
    one = Delivered(
        target="tflite",
        rungs=(
            RUNG,
            Attempt(method="int8", seconds=12.5, told="loses +0.50 points, within the limit", candidate=candidate),
        ),
        verdict=VERDICT,
        artifact=artifact,
        bundle=Bundle.model_construct(root=tmp_path / "bundle", bytes=1_250_000),
        picture=tmp_path / "methods.svg",
    )
    return Built(
        run=tmp_path,
        trained=Trained.model_construct(base="m", parameters=5, backend="jax", device="cpu", phases=(phase,)),
        targets=(one,),
        agreements=(),
        seconds={"train": 1.5},
    )


@pytest.fixture
def built_twice(built) -> Built:
    """The same for two targets."""
    other = dataclasses.replace(built.targets[0], target="onnx")
    agreement = Agreement(targets=("tflite", "onnx"), photos=200, same=197)
    return dataclasses.replace(built, targets=(*built.targets, other), agreements=(agreement,))


def test_a_record_is_one_line(capsys):
    output.print_record({"ä": "two\nlines"}, "unused", as_json=True)
    output.print_record({"ä": 1}, str(Path("runs") / "bundle"), as_json=False)
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first == '{"ä": "two\\nlines"}' and second == "runs/bundle" and err == ""


def test_a_table_goes_to_stdout(capsys):
    output.print_table([{"name": "a"}], ["name", "n"], [["[b]a[/b]", "1"]], as_json=False)
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [["name", "n"], ["[b]a[/b]", "1"]] and err == ""
    assert "\x1b" not in out
    output.print_table([{"name": "ä"}], ["name"], [["a"]], as_json=True)
    assert capsys.readouterr().out == '[{"name": "ä"}]\n'


def test_what_build_prints(built):
    value = json.loads(json.dumps(output.built_json(built)))
    assert value["run"] == str(built.run) and value["bundle"] == str(built.run / "bundle")
    assert (value["method"], value["model_bytes"], value["seconds"]) == ("int8", 640_000, {"train": 1.5})
    assert value["methods"] == [{"method": "int8", "model_bytes": 640_000, "validation_drop": 0.01, "host_ms": 1.5}]
    assert value["verdict"]["outcome"] == "PASS" and value["verdict"]["photos_needed"] is None
    assert value["ladder"][0] == {"method": "int8_more", "seconds": 0.0, "told": "no further photos"}
    assert value["ladder"][1]["method"] == "int8"


def test_people_see_the_ladder_where_there_was_one(built):
    stream = io.StringIO()
    output.show_built(built, Console(stream=stream))
    text = " ".join(stream.getvalue().split())
    assert "int8_more 0 no further photos" in text and "int8 12 loses +0.50 points, within the limit ← chosen" in text
    stream = io.StringIO()
    (one,) = built.targets
    output.show_built(
        dataclasses.replace(built, targets=(dataclasses.replace(one, rungs=one.rungs[1:]),)), Console(stream=stream)
    )
    assert "the ladder" not in stream.getvalue()


def test_layers_are_shown_with_the_first_of_their_names():
    layer = LayerError(
        name="classifier_1/block_1/Relu6;classifier_1/more",
        operator="CONV_2D",
        scale=0.1,
        error_steps=1.5,
        saturated=0.01,
    )
    stream = io.StringIO()
    output.show_layers({"tflite": [layer] * 30, "onnx": [layer] * 3}, Console(stream=stream))
    text = " ".join(stream.getvalue().split())
    assert "the layers of the TFLite file: the worst 20 of 30" in text
    assert "the layers of the ONNX file: the worst 3 of 3" in text
    assert "the worst 20 of 30" in text and "20 CONV_2D block_1/Relu6 1.50 1.00%" in text


def test_what_build_prints_for_several_targets(built, built_twice):
    one, value = output.built_json(built), json.loads(json.dumps(output.built_json(built_twice)))
    assert set(value) == {"run", "targets", "agreements", "seconds"}
    assert [target.pop("target") for target in value["targets"]] == ["tflite", "onnx"]
    assert all({**target, "run": one["run"], "seconds": one["seconds"]} == one for target in value["targets"])
    assert value["agreements"] == [{"targets": ["tflite", "onnx"], "photos": 200, "same": 197}]


def test_people_see_a_verdict_for_each_target_and_how_far_they_agree(built_twice):
    stream = io.StringIO()
    output.show_built(built_twice, Console(stream=stream))
    text = " ".join(stream.getvalue().split())
    assert text.count("PASS: int8") == 2 and text.index("target tflite") < text.index("target onnx")
    assert "tflite (int8) and onnx (int8) name the same class on 197 of 200 test photos (0.9850)" in text


def test_what_belongs_to_one_target_is_not_asked_of_two(built, built_twice):
    assert built.verdict is VERDICT and built.artifact.method == "int8" and built.candidates and built.bundle.bytes
    for name in ("verdict", "artifact", "candidates", "bundle"):
        with pytest.raises(ValueError, match="2 targets were built"):
            getattr(built_twice, name)


def test_lists_that_grow_with_the_photos_stay_in_the_run_folder(built):
    verdict = output.built_json(built)["verdict"]
    assert set(Verdict.model_fields) - set(verdict) == {"per_class", "flips", "hops"}
    assert not any(isinstance(value, (list, dict)) for value in verdict.values())


def test_people_see_all_of_it_on_the_console_and_nothing_on_stdout(built, capsys):
    stream = io.StringIO()
    output.show_built(built, Console(stream=stream))
    text = stream.getvalue()
    for part in ("m, 5 parameters", "methods on 200", "ledger", "Gänseblümchen", "PASS: int8", "bundle: "):
        assert part in text
    assert f"bundle: {built.run / 'bundle'} (1.2 MB)" in text
    assert capsys.readouterr().out == ""


def test_quiet_shows_nothing(built):
    stream = io.StringIO()
    output.show_built(built, Console(quiet=True, stream=stream))
    assert stream.getvalue() == ""


def test_a_verdict_alone():
    stream = io.StringIO()
    output.show_verdict(VERDICT, Console(stream=stream))
    text = stream.getvalue()
    assert text.index("ledger") < text.index("class by class") < text.index("PASS: int8")


def test_the_worth_of_the_weights_in_the_package(capsys):
    output.print_shipped_weights(BASES.values())
    told = " ".join(capsys.readouterr().out.split())
    assert "--weights formula: mobilenet_v2, alpha 0.35, fine-tuned at 64 px" in told and "mobilenet," not in told
    worth = BASES["mobilenet_v2"].formula.transfers[0]
    assert f"digits 15 {worth.random:.3f} {worth.formula:.3f} {worth.imagenet:.3f}" in told
