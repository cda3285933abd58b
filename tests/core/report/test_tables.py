"""tell.py: records in, cells and sentences out, each number with its sign and its unit."""

import pytest

from edgetl.core.device.benchmark import Measurement
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.records import (
    Artifact,
    CalibrationSet,
    ClassChange,
    Dataset,
    InputSpec,
    LedgerHop,
    LeftOut,
    TensorSpec,
    Trained,
    TrainingPhase,
    Verdict,
)
from edgetl.core.report import tables as report_tables

HOP = LedgerHop(name="convert", photos=200, accuracy=0.905, broke=3, fixed=1, agreement=0.975, worst_difference=0.12345)
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
    photos_needed=0,
    agreement=0.975,
    reference_calibration_error=0.0312,
    calibration_error=0.0415,
    per_class=(
        ClassChange(name="rose", photos=100, reference_accuracy=0.93, accuracy=0.94),
        ClassChange(name="daisy", photos=100, reference_accuracy=0.9, accuracy=0.87),
    ),
    worst_class="daisy",
    flips=(),
    hops=(HOP,),
    host_ms=1.2345,
)


def changed(**values) -> Verdict:
    return VERDICT.model_copy(update=values)


def artifact(method: str, size: int) -> Artifact:
    tensor = TensorSpec(name="t", shape=(1,), dtype="uint8", scale=0, zero_point=0)
    return Artifact.model_construct(
        method=method, bytes=size, input=tensor, output=tensor, calibration=CalibrationSet(photos=0, sha256="")
    )


def well_formed(made: report_tables.Table) -> report_tables.Table:
    title, columns, rows = made
    assert title and all(len(row) == len(columns) for row in rows)
    assert all(isinstance(cell, str) for row in rows for cell in row)
    return made


def test_points():
    assert [report_tables.format_points(value) for value in (0.0123, -0.5, 0)] == ["+1.23", "-50.00", "+0.00"]


def test_sizes_are_decimal():
    assert [report_tables.format_bytes(count) for count in (500, 1_000, 640_400, 1_000_000, 2_345_678)] == [
        "0 kB",
        "1 kB",
        "640 kB",
        "1.00 MB",
        "2.35 MB",
    ]


def test_left_out_groups_alike_reasons():
    reasons = {
        "a/1.jpg": "same photo as a/0.jpg",
        "a/2.jpg": "same photo as b/9 in it.jpg",
        "a/3.jpg": "near duplicate of a/0 in b.jpg in train",
        "a/4.jpg": "near duplicate of a/7.jpg in train",
        "a/5.jpg": "near duplicate of a/7.jpg in validation",
        "a/6.txt": "no photo",
        **{f"b/{number}.jpg": "truncated" for number in range(5)},
    }
    left_out = tuple(LeftOut(path=path, reason=reason) for path, reason in reasons.items())
    dataset = Dataset.model_construct(left_out=left_out)
    title, _, rows = well_formed(report_tables.tabulate_left_out(dataset))
    assert title == "11 files are left out"
    assert rows == [
        ["near duplicate of a photo in train", "2", "a/3.jpg, a/4.jpg"],
        ["near duplicate of a photo in validation", "1", "a/5.jpg"],
        ["no photo", "1", "a/6.txt"],
        ["same photo as another, counted once", "2", "a/1.jpg, a/2.jpg"],
        ["truncated", "5", "b/0.jpg, b/1.jpg, b/2.jpg, …"],
    ]


def test_a_photo_under_two_classes_is_not_counted_once():
    left = LeftOut(path="a/1.jpg", reason="same photo also under b")
    assert report_tables.tabulate_left_out(Dataset.model_construct(left_out=(left,)))[2] == [
        ["same photo also under b", "1", "a/1.jpg"]
    ]


def test_phases():
    phase = TrainingPhase(
        name="head",
        learning_rate=1e-3,
        first_epoch=1,
        last_epoch=12,
        best_epoch=9,
        trainable_parameters=12_345,
        first_trainable_layer="head",
        validation_accuracy=0.91234,
        validation_loss=0.3,
        kept=True,
        note="",
        seconds=61.6,
    )
    later = phase.model_copy(update={"name": "fine_tune", "kept": False, "learning_rate": 5e-5})
    noted = later.model_copy(update={"note": "stopped early"})
    trained = Trained.model_construct(
        base="mobilenet_v2",
        parameters=2_261_827,
        backend="tensorflow",
        device="cpu",
        precision="float32",
        phases=(phase, later, noted),
        input=InputSpec(side_px=160, fit="crop"),
    )
    title, _, rows = well_formed(report_tables.tabulate_phases(trained))
    assert title == "mobilenet_v2, 2,261,827 parameters, on tensorflow cpu"
    assert rows[0] == ["head", "1 to 12", "9", "0.001", "12,345", "0.9123", "62", "kept"]
    assert rows[1][0] == "fine-tune" and rows[1][3] == "5e-05"
    assert [row[-1] for row in rows] == ["kept", "thrown away", "stopped early"]


def test_methods():
    pairs = [(artifact("int8", 640_000), VERDICT), (artifact("float32", 9_000_000), changed(confidence=0.9))]
    title, columns, rows = well_formed(report_tables.tabulate_methods(pairs, chosen="float32"))
    assert "200 validation photos" in title
    assert columns[1:4] == ["accuracy", "drop, points", "its bounds"]
    assert rows[0] == ["int8", "0.9050", "+1.00", "-0.50 … +2.75", "3/1", "640 kB", "1.23", ""]
    assert [row[-1] for row in rows] == ["", "← chosen"]
    assert well_formed(report_tables.tabulate_methods([], chosen=""))[2] == []


def test_ledger():
    title, _, rows = well_formed(report_tables.tabulate_ledger(VERDICT))
    assert title == "ledger: the same 200 test photos after each hop"
    assert rows == [["convert", "0.9050", "3", "1", "0.9750", "0.12"]]
    assert well_formed(report_tables.tabulate_ledger(changed(hops=())))[2] == []


def test_classes_the_largest_loss_first():
    _, columns, rows = well_formed(report_tables.tabulate_classes(VERDICT))
    assert columns[3] == "int8"
    assert rows == [["daisy", "100", "0.9000", "0.8700", "-3.00"], ["rose", "100", "0.9300", "0.9400", "+1.00"]]
    many = tuple(
        ClassChange(name=f"c{number:02}", photos=10, reference_accuracy=0.9, accuracy=0.9 - number / 100)
        for number in range(30)
    )
    rows = report_tables.tabulate_classes(changed(per_class=many))[2]
    assert [row[0] for row in rows] == [f"c{number}" for number in range(29, 19, -1)]


def test_classes_that_changed_alike_go_by_name():
    same = tuple(ClassChange(name=n, photos=1, reference_accuracy=1.0, accuracy=1.0) for n in ("b", "a"))
    assert [row[0] for row in report_tables.tabulate_classes(changed(per_class=same))[2]] == ["a", "b"]


def test_the_verdict_in_sentences():
    lines = report_tables.describe_verdict(VERDICT)
    assert lines[0] == "PASS: int8 answers 0.9050 of 200 test photos right, Keras 0.9150"
    assert lines[1] == (
        "  drop +1.00 points (one-sided 95% bounds -0.50 and +2.75), limit 2; broke 3, fixed 1, agreement 0.9750"
    )
    assert lines[2] == "  calibration error 0.0312 before, 0.0415 after; worst class daisy -3.00 points"
    assert len(lines) == 3


@pytest.mark.parametrize(("needed", "more"), [(12_345, "about 12,345 more test photos"), (None, "no number of photos")])
def test_an_undecided_verdict_says_what_would_decide_it(needed, more):
    lines = report_tables.describe_verdict(changed(outcome="UNDECIDED", photos_needed=needed))
    assert lines[0].startswith("UNDECIDED: ")
    assert lines[3] == f"  {more} would decide it if the rates seen so far held"


def test_when_no_class_lost():
    assert report_tables.describe_verdict(changed(worst_class="rose"))[2].endswith("; no class lost")


def test_measures_side_by_side(measure_json):
    slow = Measurement.model_validate({**measure_json, "best_threads": 4})
    quick = slow.model_copy(update={"sweep": (slow.best.model_copy(update={"steady": slow.photo.decode}),)})
    throttled = slow.model_copy(update={"valid": False, "reasons": ("throttled during the run",)})
    title, columns, rows = report_tables.tabulate_measurements([("pi@a", slow), ("pi@b", quick), ("pi@c", throttled)])
    assert title == "milliseconds on the devices" and len(columns) == len(rows[0])
    assert [row[-1] for row in rows] == ["", "← fastest", "INVALID"]
    assert rows[0][:4] == ["pi@a", "Raspberry Pi 4 Model B Rev 1.4", "4 of 4", "20.0"]
    assert rows[0][5] == "4.00 (3.60 … 4.40)" and rows[0][9] == "80.00 MB"


def test_an_invalid_measure_is_never_the_fastest(measure_json):
    valid = Measurement.model_validate(measure_json)
    invalid = valid.model_copy(update={"valid": False, "reasons": ("busy",)})
    assert [row[-1] for row in report_tables.tabulate_measurements([("a", invalid), ("b", valid)])[2]] == [
        "INVALID",
        "",
    ]


def test_the_host_is_called_the_host(measure_json):
    assert (
        report_tables.tabulate_measurements([("host", Measurement.model_validate(measure_json))])[0]
        == "milliseconds on the host, not device"
    )


def test_where_a_photos_time_goes(measure_json):
    title, columns, rows = report_tables.tabulate_photo_times(Measurement.model_validate(measure_json))
    assert title == "one photo on Raspberry Pi 4 Model B Rev 1.4, ms" and columns[0] == "step"
    assert [row[:2] for row in rows] == [
        ["decode", "1.000"],
        ["preprocess", "2.000"],
        ["invoke", "4.000"],
        ["postprocess", "0.500"],
        ["in all", "7.500"],
    ]


def test_what_speaks_against_a_measure(measure_json):
    valid = Measurement.model_validate(measure_json)
    assert report_tables.list_doubts("pi", valid) == []
    doubtful = valid.model_copy(update={"valid": False, "reasons": ("hot", "busy"), "unwatched": {"load": "no /proc"}})
    assert report_tables.list_doubts("pi", doubtful) == [
        "pi: INVALID, not to be compared: hot; busy",
        "pi: not watched: load",
    ]


def test_slimness_says_what_stands_in_the_files():
    pruned = artifact("prune8", 640_400).model_copy(
        update={"gzip_bytes": 320_000, "sparsity": 0.4876, "distinct_weights": 31}
    )
    _, columns, rows = well_formed(report_tables.tabulate_weights([pruned]))
    assert rows == [["prune8", "640 kB", "320 kB", "48.8%", "31"]]
    assert columns[3:] == ["zero weights", "most values in a channel"]


@pytest.mark.parametrize(
    ("outcomes", "why"),
    [
        (["FAIL", "PASS"], "each step was taken because those above it did not do"),
        (["FAIL", "FAIL"], "each step was taken because those above it did not do"),
        (["PASS", "FAIL"], "all steps were asked for"),
    ],
)
def test_the_ladder_says_why_it_was_climbed(outcomes, why):
    rungs = [Attempt(method="int8_more", seconds=0.0, told="futile", candidate=None)]
    for outcome in outcomes:
        candidate = Candidate(artifact=None, validation=VERDICT.model_copy(update={"outcome": outcome}))
        rungs.append(Attempt(method="int8", seconds=12.5, told="said", candidate=candidate))
    title, columns, rows = report_tables.tabulate_attempts(rungs, chosen="int8")
    assert title == f"the ladder: {why}" and len(columns) == len(rows[0]) == 3
    assert rows[:2] == [["int8_more", "0", "futile"], ["int8", "12", "said ← chosen"]]
