"""Results on stdout are for scripts: one JSON object or a path. Tables for people are shown on the console."""

import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest

from edgetl.cli import output
from edgetl.core.console import Console
from edgetl.core.device.answer_agreement import AnswerAgreement
from edgetl.core.device.benchmark import Benchmark
from edgetl.core.device.measurement import Measurement
from edgetl.core.errors import StageError
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.evaluation.procedure import FoldPredictions, ProcedureTerms, judge_procedure
from edgetl.core.evaluation.quality.class_warnings import ClassCount, warn_about_classes
from edgetl.core.network.base_table import BASES
from edgetl.core.records import Artifact, Bundle, LayerError, LeftOut, Trained, TrainingPhase
from edgetl.core.report.gain import Gain
from edgetl.core.report.left_out import tabulate_left_out
from edgetl.core.sweep.results import SweepRow, tabulate_sweep
from edgetl.core.sweep.space import SweepCandidate
from edgetl.core.verdict_records import ClassChange, Flip, LedgerHop, Verdict
from edgetl.pipeline.build import Built, Delivered
from edgetl.pipeline.devices import Measured
from edgetl.pipeline.runs.agreements import Agreement
from tests.core.rejection.test_records import RULE
from tests.fixtures.sweeps import make_result

VERDICT = Verdict(
    method="int8",
    artifact_sha256="a",
    part="test",
    photos=200,
    reference_accuracy=0.915,
    accuracy=0.905,
    reference_balanced_accuracy=0.915,
    balanced_accuracy=0.905,
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
    worst_difference=0.2,
    reference_calibration_error=0.03,
    calibration_error=0.04,
    per_class=(ClassChange(name="Gänseblümchen", photos=200, reference_accuracy=0.9, accuracy=0.87, broke=0, fixed=0),),
    worst_class="Gänseblümchen",
    flips=(Flip(path="a.jpg", truth="a", reference="a", artifact="b", confidence=0.5),),
    hops=(
        LedgerHop(
            name="convert",
            photos=200,
            reference_accuracy=0.91,
            accuracy=0.9,
            reference_balanced_accuracy=0.91,
            balanced_accuracy=0.9,
            broke=3,
            fixed=1,
            agreement=0.9,
            worst_difference=0.1,
        ),
    ),
    host_ms=1.5,
    host_disturbed=False,
    counts=(
        ClassCount(name="Gänseblümchen", photos=120, correct=110, predicted=115),
        ClassCount(name="Rose", photos=80, correct=71, predicted=85),
    ),
)
INVALID = {"valid": False, "reasons": ["throttled during the run"]}
SKIPPED = Attempt(method="int8_more", seconds=0.0, reason="no further photos", candidate=None)


@pytest.fixture
def prepared(tmp_path) -> Built:
    """The results of a build for one target, with those fields only that are shown."""
    artifact = Artifact.model_construct(method="int8", bytes=640_000, sha256="int8")
    phase = TrainingPhase.model_construct(
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
        class_weighted=False,
        note="",
        seconds=1.0,
    )
    candidate = Candidate(artifact=artifact, validation=VERDICT.model_copy(update={"part": "validation"}))
    chosen = Attempt(
        method="int8", seconds=12.5, reason="chosen: loses 0.50 points, within the limit", candidate=candidate
    )
    delivered = Delivered(
        target="tflite",
        attempts=(SKIPPED, chosen),
        verdict=VERDICT,
        artifact=artifact,
        bundle=Bundle.model_construct(root=tmp_path / "bundle", bytes=1_250_000),
        picture=tmp_path / "methods.svg",
        unmet="",
        next_method="qat8",
        gain=Gain(method="int8", model_bytes=640_000, float32_bytes=1_900_000),
        device_ms={"pi@a": {"int8": 20.0}, "pi@b": {"another": 1.0}},
    )
    return Built(
        run=tmp_path,
        trained=Trained.model_construct(base="m", parameters=5, backend="jax", device="cpu", phases=(phase,)),
        targets=(delivered,),
        agreements=(),
        seconds={"train": 1.5},
    )


@pytest.fixture
def prepared_both(prepared) -> Built:
    """The same for two targets."""
    onnx = dataclasses.replace(prepared.targets[0], target="onnx")
    agreement = Agreement(targets=("tflite", "onnx"), photos=200, same=197)
    return dataclasses.replace(prepared, targets=(*prepared.targets, onnx), agreements=(agreement,))


def show(function, *arguments, quiet=False) -> str:
    """Return what a function shows on a console."""
    stream = io.StringIO()
    function(*arguments, Console(quiet=quiet, stream=stream))
    return stream.getvalue()


def join_words(text: str) -> str:
    return " ".join(text.split())


# stdout


def test_record_is_printed_as_one_line(capsys):
    output.print_record({"ä": "two\nlines"}, "unused", as_json=True)
    output.print_record({"ä": 1}, str(Path("runs") / "bundle"), as_json=False)
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first == '{"ä": "two\\nlines"}' and second == "runs/bundle" and err == ""


def test_table_is_printed_without_colours_and_markup(capsys):
    output.print_table([{"name": "a"}], ["name", "n"], [["[b]a[/b]", "1"]], as_json=False)
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [["name", "n"], ["[b]a[/b]", "1"]] and err == ""
    assert "\x1b" not in out
    output.print_table([{"name": "ä"}], ["name"], [["a"]], as_json=True)
    assert capsys.readouterr().out == '[{"name": "ä"}]\n'


def test_accuracy_of_the_weights_in_the_package_is_printed(capsys):
    output.print_shipped_weights(BASES.values())
    text = join_words(capsys.readouterr().out)
    assert "--weights formula: mobilenet_v2, alpha 0.35, fine-tuned at 64 px" in text and "mobilenet," not in text
    row = BASES["mobilenet_v2"].formula.transfers[0]
    assert f"digits 15 {row.random:.3f} {row.formula:.3f} {row.imagenet:.3f}" in text


# JSON


def test_json_of_a_build_for_one_target(prepared):
    record = json.loads(json.dumps(output.dump_built(prepared)))
    assert record["run"] == str(prepared.run) and record["bundle"] == str(prepared.run / "bundle")
    assert (record["method"], record["model_bytes"], record["seconds"]) == ("int8", 640_000, {"train": 1.5})
    assert record["methods"] == [
        {
            "method": "int8",
            "model_bytes": 640_000,
            "validation_accuracy": 0.905,
            "validation_balanced_accuracy": 0.905,
            "validation_drop": 0.01,
            "host_ms": 1.5,
            "host_disturbed": False,
            "device_ms": {"pi@a": 20.0},
            "chosen": True,
        }
    ]
    assert record["next_method"] == "qat8" and record["gain"]["float32_bytes"] == 1_900_000
    assert record["quality"]["accuracy"] == 0.905 and record["quality"]["validation_accuracy"] == 0.905
    assert [row["predicted"] for row in record["quality"]["per_class"]] == [115, 85]
    assert record["verdict"]["outcome"] == "PASS" and record["verdict"]["photos_needed"] is None
    assert record["ladder"][0] == {"method": "int8_more", "seconds": 0.0, "reason": "no further photos"}
    assert record["ladder"][1]["method"] == "int8"


def test_report_is_the_last_line_and_in_the_json(prepared, tmp_path, capfd):
    with_report = dataclasses.replace(prepared, report=tmp_path / "report.html")
    output.show_built(with_report, Console())
    assert capfd.readouterr().err.rstrip().splitlines()[-1] == f"report: {tmp_path / 'report.html'}"
    assert output.dump_built(with_report)["report"] == str(tmp_path / "report.html")
    assert output.dump_built(prepared)["report"] == ""


def test_json_of_a_build_for_several_targets(prepared, prepared_both):
    single, record = output.dump_built(prepared), json.loads(json.dumps(output.dump_built(prepared_both)))
    assert set(record) == {"run", "targets", "agreements", "left_out", "report", "seconds"}
    assert [target.pop("target") for target in record["targets"]] == ["tflite", "onnx"]
    shared = {key: single[key] for key in ("run", "seconds", "left_out", "report")}
    assert all({**target, **shared} == single for target in record["targets"])
    assert record["agreements"] == [{"targets": ["tflite", "onnx"], "photos": 200, "same": 197}]


def test_json_and_summary_have_the_files_that_are_left_out(prepared):
    assert output.dump_built(prepared)["left_out"] == {"files": 0, "reasons": {}, "list": ""}
    files = tuple(LeftOut(path=f"a/{number}.jpg", reason="truncated") for number in range(7))
    built = dataclasses.replace(prepared, left_out=files)
    path = prepared.run / "left-out.csv"
    assert output.dump_built(built)["left_out"] == {"files": 7, "reasons": {"truncated": 7}, "list": str(path)}
    assert show(output.show_built, built).endswith(f"7 files are left out: 7 truncated\nall of them: {path}\n")


def test_json_has_the_layers_only_if_they_were_ranked(prepared):
    layer = LayerError(name="conv", operator="CONV_2D", scale=0.1, error_steps=1.5, saturated=0.01)
    assert "layers" not in output.dump_built(prepared)
    assert output.dump_built(prepared, {"tflite": (layer,)})["layers"] == {"tflite": [layer.model_dump()]}


def test_json_has_no_list_with_an_entry_for_each_photo(prepared):
    verdict = output.dump_built(prepared)["verdict"]
    assert set(Verdict.model_fields) - set(verdict) == {"per_class", "flips", "hops", "counts", "thresholds"}
    assert [name for name, value in verdict.items() if isinstance(value, list | dict)] == ["warnings", "reliability"]


# The console


def test_ladder_is_shown_where_several_methods_were_tried(prepared):
    text = join_words(show(output.show_built, prepared))
    assert "int8_more 0 no further photos" in text and "int8 12 chosen: loses 0.50 points" in text
    (delivered,) = prepared.targets
    single = dataclasses.replace(delivered, attempts=delivered.attempts[1:])
    assert "no further photos" not in show(output.show_built, dataclasses.replace(prepared, targets=(single,)))


def test_gain_and_latencies_on_devices_are_shown(prepared):
    text = join_words(show(output.show_built, prepared))
    assert "int8 against float32: 640 kB instead of 1.90 MB (3.0 times smaller)" in text
    assert "host ms pi@a ms" in text and "1.50 20.00 ← chosen" in text and "pi@b" not in text
    unpinned = dataclasses.replace(prepared.targets[0], gain=None)
    assert "against float32" not in show(output.show_built, dataclasses.replace(prepared, targets=(unpinned,)))


def test_layers_are_shown_by_format_with_a_short_name():
    layer = LayerError(
        name="classifier_1/block_1/Relu6;classifier_1/more",
        operator="CONV_2D",
        scale=0.1,
        error_steps=1.5,
        saturated=0.01,
    )
    text = join_words(show(output.show_layers, {"tflite": [layer] * 30, "onnx": [layer] * 3}))
    assert "TFLite" in text and "20 of 30" in text and "ONNX" in text and "3 of 3" in text
    assert "20 CONV_2D block_1/Relu6 1.50 1.00%" in text


def test_verdict_of_each_target_and_their_agreement_are_shown(prepared_both):
    text = join_words(show(output.show_built, prepared_both))
    assert text.count("PASS: int8") == 2 and text.index("target tflite") < text.index("target onnx")
    assert "tflite (int8) and onnx (int8) predict the same class for 197 of 200 test photos (0.9850)" in text


def test_summary_starts_with_how_good_the_model_is(prepared, prepared_both):
    lines = show(output.show_built, prepared).splitlines()
    assert lines[0].startswith("how good the model is: it predicts 0.9050 of 200 test photos correctly")
    text = join_words(show(output.show_built, prepared_both))
    first = [text.index(part) for part in ("target tflite", "how good", "Gänseblümchen 120", "m, 5 parameters")]
    assert first == sorted(first) and text.count("how good the model is") == 2


def test_warnings_about_the_model_are_shown_even_when_quiet(prepared):
    (delivered,) = prepared.targets
    counts = (VERDICT.counts[0].model_copy(update={"predicted": 0, "correct": 0}), VERDICT.counts[1])
    warnings = tuple(warn_about_classes(counts, "test"))
    verdict = VERDICT.model_copy(update={"counts": counts, "warnings": warnings})
    poor = dataclasses.replace(prepared, targets=(dataclasses.replace(delivered, verdict=verdict),))
    text = join_words(show(output.show_built, poor, quiet=True))
    assert text.count("warning: 1 of 2 classes is never predicted: Gänseblümchen; add photos") == 1
    # With the verdict, so that it is among the last lines; and that no class is lost is not said.
    shown = join_words(show(output.show_built, poor))
    assert shown.index("PASS: int8") < shown.index("never predicted: Gänseblümchen") and "no class lost" not in shown
    assert " Gänseblümchen never predicted" in shown and "; Gänseblümchen" not in shown
    assert output.dump_built(poor)["verdict"]["warnings"][0]["kind"] == "never_predicted"


def test_all_results_are_shown_on_the_console_and_none_on_stdout(prepared, capsys):
    text = show(output.show_built, prepared)
    for part in ("m, 5 parameters", "200", "ledger", "Gänseblümchen", "PASS: int8", "chart: ", "bundle: "):
        assert part in text
    assert f"bundle: {prepared.run / 'bundle'} (1.2 MB)" in text
    assert capsys.readouterr().out == ""


def test_quiet_console_shows_nothing(prepared):
    assert show(output.show_built, prepared, quiet=True) == ""


def test_ways_to_decide_are_shown_and_in_the_json(prepared):
    (delivered,) = prepared.targets
    undecided = dataclasses.replace(delivered, advice=("add photos", "--limit-drop 0.02"))
    built = dataclasses.replace(prepared, targets=(undecided,))
    text = show(output.show_built, built)
    assert "  to decide it: add photos\n  to decide it: --limit-drop 0.02\n" in text
    assert output.dump_built(built)["advice"] == ["add photos", "--limit-drop 0.02"]


def test_verdict_on_the_procedure_is_shown_as_its_own_table_and_in_the_json(prepared):
    right = np.tile(np.array([[0.9, 0.1]], np.float32), (100, 1))
    fold = FoldPredictions(labels=np.zeros(100, np.int64), reference=right, artifact=right)
    terms = ProcedureTerms(target="tflite", method="int8", limit_drop=0.02, confidence=0.95)
    built = dataclasses.replace(prepared, procedures=(judge_procedure([fold, fold], terms),))
    text = join_words(show(output.show_built, built))
    assert "cross-fit: the procedure, not this file" in text
    assert text.index("PASS: int8") < text.index("PASS of the procedure, not this file: int8 loses no accuracy")
    (record,) = json.loads(json.dumps(output.dump_built(built)))["cross_fit"]
    assert record["judges"] == "the procedure, not this file" and record["photos"] == 200
    assert "cross_fit" not in output.dump_built(prepared)


def test_verdict_is_shown_after_ledger_and_classes():
    text = show(output.show_verdict, VERDICT)
    assert text.index("ledger") < text.index("Gänseblümchen") < text.index("PASS: int8")


# Measurements


@pytest.fixture
def measured(measure_json) -> Measured:
    """A device that was measured and judged, and one that failed."""
    return Measured(
        benchmarks=(Benchmark.model_construct(where="pi@a", path=Path("measure.json")),),
        measurements={"pi@a": Measurement.model_validate({**measure_json, **INVALID})},
        verdicts={"pi@a": VERDICT},
        unmet={"pi@a": ""},
        errors=(StageError("dead: no connection", where=("log",), hint="try it yourself"),),
        agreements={"pi@a": AnswerAgreement(photos=9, labels=6, unsure=2, none=1, same=8)},
    )


def test_json_of_measurements_has_the_devices_that_failed(measured, measure_json):
    record = json.loads(json.dumps(output.dump_measured(measured)))
    assert set(record) == {"measures", "answers", "failed"} and record["failed"] == ["dead: no connection"]
    assert record["measures"]["pi@a"] == {**measure_json, **INVALID}
    assert record["answers"] == {"pi@a": {"photos": 9, "labels": 6, "unsure": 2, "none": 1, "same": 8}}


def test_measurements_are_shown_with_warnings_verdicts_and_errors(measured):
    text = join_words(show(output.show_measured, measured))
    assert "pi@a" in text and "throttled during the run" in text and "PASS: int8" in text
    assert "answers on pi@a to 9 test photos: 6 a label, 2 unsure, 1 none of these; 8 are the same" in text
    assert "error: dead: no connection at log hint: try it yourself" in text


def test_many_devices_have_one_table_and_a_sentence(measured):
    (measurement,) = measured.measurements.values()
    many = {f"pi@{index}": measurement for index in range(49)}
    text = join_words(show(output.show_measured, dataclasses.replace(measured, measurements=many)))
    assert "milliseconds on 49 devices" in text and "pi@48" in text and "start and memory" not in text
    assert "49 of 50 devices were measured" in text and "error: dead" in text


def test_failed_devices_are_shown_where_none_was_measured(measured):
    failed = dataclasses.replace(measured, benchmarks=(), measurements={}, verdicts={}, unmet={})
    assert show(output.show_measured, failed, quiet=True).startswith("error: dead")


# Tables

LONG_NAME = "Gänseblümchen (Bellis perennis) bei Regen und im Gegenlicht am frühen Morgen"
LONG_WORD = "a_class_of_a_data_set_with_forty_letters"
LAYER = "classifier/mobilenet_v2/expanded_conv_13/depthwise/depthwise;classifier/mobilenet_v2/expanded_conv_13/bn"


def make_long_verdict() -> Verdict:
    names = (LONG_NAME, LONG_WORD, "百合" * 12, "x")
    changes = (
        ClassChange(name=name, photos=12_345, reference_accuracy=1.0, accuracy=1 - 0.01 * index, broke=0, fixed=0)
        for index, name in enumerate(names)
    )
    hops = ("Keras", "float32 ONNX", "mixed8-16, unoptimized graph", "mixed8-16, pi@raspberrypi-greenhouse.local")
    hop = VERDICT.hops[0].model_copy(update={"photos": 123_456, "broke": 12_345, "fixed": 1_234})
    return VERDICT.model_copy(
        update={
            "method": "mixed8-16",
            "photos": 123_456,
            "per_class": tuple(changes),
            "worst_class": LONG_NAME,
            "broke": 12_345,
            "fixed": 1_234,
            "host_ms": 1234.5,
            "hops": tuple(hop.model_copy(update={"name": name, "worst_difference": 1.7e-06}) for name in hops),
        }
    )


def test_tables_of_a_build_fit_80_columns(prepared, check_tables):
    phase = prepared.trained.phases[0].model_copy(
        update={
            "name": "fine_tune",
            "first_epoch": 101,
            "last_epoch": 1000,
            "trainable_parameters": 143_700_000,
            "learning_rate": 0.000125,
            "seconds": 12345.0,
            "class_weighted": True,
            "note": "no improvement on the validation photos: the weights of phase 1 are kept",
        }
    )
    trained = prepared.trained.model_copy(
        update={"base": "efficientnet_v2_b0", "parameters": 143_700_000, "device": "gpu:0", "phases": (phase,) * 2}
    )
    artifacts = [
        Artifact.model_construct(
            sha256="a", method=method, bytes=143_700_000, gzip_bytes=143_700_000, sparsity=0.5, distinct_weights=65536
        )
        for method in ("int8", "mixed8-16", "prune8")
    ]
    attempts = tuple(
        Attempt(
            method=artifact.method,
            seconds=12345.0,
            reason="loses 12.34 points, at most +15.67: not certainly within the limit of 2.5",
            candidate=Candidate(artifact=artifact, validation=make_long_verdict()),
        )
        for artifact in artifacts
    )
    skipped = "failed: the quantization-aware model and its TFLite file agree on 81.2% of 200 photos, 99% are needed"
    attempts += (Attempt(method="qat8", seconds=0.0, reason=skipped, candidate=None),)
    delivered = dataclasses.replace(
        prepared.targets[0], attempts=attempts, verdict=make_long_verdict(), artifact=artifacts[1]
    )
    show(output.show_built, dataclasses.replace(prepared, trained=trained, targets=(delivered,)))
    check_tables(6)


def test_tables_of_layers_and_left_out_photos_fit_80_columns(check_tables):
    layer = LayerError.model_construct(
        name=LAYER, operator="DEPTHWISE_CONV_2D", scale=0.1, error_steps=123.45, saturated=0.1234
    )
    show(output.show_layers, {"tflite": [layer] * 30, "onnx": [layer] * 3})
    reasons = (
        "near duplicate of Gänseblümchen/IMG_20250612_101112.jpg in the validation part",
        "same photo as x/y.jpg",
        "cannot be decoded: image file is truncated (12 bytes not processed)",
    )
    left_out = tuple(
        LeftOut(path=f"{LONG_WORD}/IMG_2025061{number}_1011.jpeg", reason=reason)
        for reason in reasons
        for number in range(5)
    )
    show(lambda console: console.table(*tabulate_left_out(left_out)))
    check_tables(3)


def test_tables_of_measurements_fit_80_columns(measured, measure_json, check_tables):
    slow = Measurement.model_validate(measure_json)
    board = slow.board.model_copy(update={"name": "Raspberry Pi Compute Module 4 Rev 1.1", "cores": 128})
    long = slow.model_copy(update={"board": board, "valid": False, "reasons": ("busy",)})
    places = ("pi@raspberrypi-greenhouse.local", "pi@192.168.178.123", "pi@a")
    measurements = dict(zip(places, (long, slow, slow), strict=True))
    show(output.show_measured, dataclasses.replace(measured, measurements=measurements))
    check_tables(4)


def test_table_of_a_sweep_fits_80_columns(check_tables):
    """The longest names, sizes and reasons that a sweep has."""
    name = SweepCandidate(base="efficientnet_v2_b0", alpha=1.0, side_px=224)
    other = SweepCandidate(base="efficientnet_v2_b1", alpha=1.0, side_px=240).name
    costs = {"ms": 1234.56, "disturbed": True, "bytes": 143_700_000, "head": 1.0, "tuned": 1.0, "file": 1.0}
    rows = (
        SweepRow(candidate=name, gate="chosen", method="int8_adaround", **costs),
        SweepRow(candidate=name, reason=f"its file is certainly less accurate than that of {other}", **costs),
        SweepRow(candidate=name, reason="failed: the process that converts was killed by signal 9", **costs),
    )
    result = dataclasses.replace(make_result(), where="on pi@raspberrypi-greenhouse.local", rows=rows)
    show(lambda console: console.table(*tabulate_sweep(result)))
    check_tables(1)


def test_shipped_weights_fit_80_columns(check_tables, capsys):
    output.print_shipped_weights(BASES.values())
    capsys.readouterr()
    check_tables(1)


# Shares of accepted and rejected photos


def test_answers_are_shown_after_the_verdict_and_are_in_the_json(prepared):
    (delivered,) = prepared.targets
    assert output.dump_built(prepared)["answers"] is None and "none of these" not in show(output.show_built, prepared)
    answering = dataclasses.replace(delivered, answers=(RULE,), unmet_answers=("foreign_accepted: 9",))
    built = dataclasses.replace(prepared, targets=(answering,))
    text = show(output.show_built, built)
    assert text.index("PASS: int8") < text.index("drawn images") < text.index("chart:")
    assert "answers to the same 40 test photos after each hop" in text
    record = json.loads(json.dumps(output.dump_built(built)))
    assert record["unmet_answers"] == ["foreign_accepted: 9"]
    assert record["answers"]["own"] == {"photos": 40, "known": 36, "answered": 30, "wrong": 3, "right_without": 35}
    assert record["answers"]["far"][0]["title"] == "drawn images" and "least_similarities" not in record["answers"]
    assert "drawn images" in built._repr_html_()
