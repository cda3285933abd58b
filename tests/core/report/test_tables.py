"""tables.py: records become cells and sentences, with signs and units."""

import pytest

from edgetl.core.device.targets import find_target
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.evaluation.quality.class_warnings import ClassCount
from edgetl.core.records import (
    Artifact,
    CalibrationSet,
    InputSpec,
    LayerError,
    TensorSpec,
    Trained,
    TrainingPhase,
)
from edgetl.core.report import tables as report_tables
from edgetl.core.verdict_records import ClassChange, LedgerHop, Verdict

HOP = LedgerHop(
    name="convert",
    photos=200,
    reference_accuracy=0.915,
    accuracy=0.905,
    reference_balanced_accuracy=0.915,
    balanced_accuracy=0.905,
    broke=3,
    fixed=1,
    agreement=0.975,
    worst_difference=0.12345,
)
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
    photos_needed=0,
    agreement=0.975,
    worst_difference=0.2,
    reference_calibration_error=0.0312,
    calibration_error=0.0415,
    per_class=(
        ClassChange(name="rose", photos=100, reference_accuracy=0.93, accuracy=0.94, broke=0, fixed=0),
        ClassChange(name="daisy", photos=100, reference_accuracy=0.9, accuracy=0.87, broke=0, fixed=0),
    ),
    worst_class="daisy",
    flips=(),
    hops=(HOP,),
    host_ms=1.2345,
    counts=(),
    host_disturbed=False,
)
PHASE = TrainingPhase(
    class_weighted=False,
    name="head",
    learning_rate=1e-3,
    first_epoch=1,
    last_epoch=12,
    best_epoch=9,
    trainable_parameters=12_345,
    first_trainable_layer="head",
    validation_accuracy=0.91234,
    validation_loss=0.3,
    accepted=True,
    note="",
    seconds=61.6,
)


def copy_verdict(**changes) -> Verdict:
    return VERDICT.model_copy(update=changes)


def make_artifact(method: str, size_bytes: int) -> Artifact:
    tensor = TensorSpec(name="t", shape=(1,), dtype="uint8", scale=0, zero_point=0)
    return Artifact.model_construct(
        method=method,
        sha256=method,
        bytes=size_bytes,
        input=tensor,
        output=tensor,
        calibration=CalibrationSet(photos=0, sha256=""),
    )


def check_table(table: report_tables.Table) -> report_tables.Table:
    """Check that a table has a title and that its rows have one text per column."""
    title, columns, rows = table
    assert title and all(len(row) == len(columns) for row in rows)
    assert all(isinstance(cell, str) for row in rows for cell in row)
    return table


@pytest.mark.parametrize(("fraction", "text"), [(0.0123, "+1.23"), (-0.5, "-50.00"), (0, "+0.00")])
def test_points_have_a_sign(fraction, text):
    assert report_tables.format_points(fraction) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(500, "0 kB"), (1_000, "1 kB"), (640_400, "640 kB"), (1_000_000, "1.00 MB"), (2_345_678, "2.35 MB")],
)
def test_bytes_are_decimal(count, text):
    assert report_tables.format_bytes(count) == text


def test_target_is_listed_by_the_keys_of_its_file():
    target = find_target("raspberry-pi")
    rows = dict(report_tables.tabulate_target(target))
    assert rows["id"] == "raspberry-pi" and rows["title"] == target.title
    assert rows["accepts.formats"] == " ".join(target.accepts.formats)
    assert rows["runtime.python"] == target.runtime.python
    assert all(f"{arch}: " in rows["runtime.packages"] for arch in target.runtime.packages)
    assert rows["payload"].split() == [file.name for file in target.payload]


def test_target_without_a_board_has_no_device_rows():
    rows = dict(report_tables.tabulate_target(find_target("tflite")))
    assert not [key for key in rows if key.startswith("device.")]
    assert "None" not in rows.values()


def test_phases_are_rows_with_their_result():
    discarded = PHASE.model_copy(update={"name": "fine_tune", "accepted": False, "learning_rate": 5e-5})
    with_note = discarded.model_copy(update={"note": "stopped early"})
    trained = Trained.model_construct(
        base="mobilenet_v2",
        parameters=2_261_827,
        backend="tensorflow",
        device="cpu",
        precision="float32",
        phases=(PHASE, discarded, with_note),
        input=InputSpec(height_px=160, width_px=160, fit="crop"),
    )
    title, _, rows = check_table(report_tables.tabulate_phases(trained))
    assert title == "mobilenet_v2, 2,261,827 parameters, on tensorflow cpu: accuracy on validation photos"
    assert rows[0] == ["head", "1-12", "9", "0.001", "12,345", "0.9123", "62", "kept"]
    assert rows[1][0] == "fine-tune" and rows[1][3] == "5e-05"
    assert [row[-1] for row in rows] == ["kept", "discarded", "stopped early"]


def test_methods_are_rows_and_the_chosen_one_is_marked():
    pairs = [(make_artifact("int8", 640_000), VERDICT), (make_artifact("float32", 9_000_000), VERDICT)]
    title, columns, rows = check_table(report_tables.tabulate_methods(pairs, chosen="float32"))
    assert "200 validation photos" in title
    assert columns[1:5] == ["accuracy", "balanced", "drop", "its bounds"]
    assert rows[0] == ["int8", "0.9050", "0.9050", "+1.00", "-0.50 … +2.75", "640 kB", "1.23", ""]
    assert [row[-1] for row in rows] == ["", "← chosen"]


def test_disturbed_latency_is_marked_and_explained():
    artifact = make_artifact("int8", 640_000)
    title, _, rows = report_tables.tabulate_methods([(artifact, copy_verdict(host_disturbed=True))], chosen="int8")
    assert rows[0][6] == "1.23~" and title.endswith("; ~ other processes disturbed it")
    title, _, rows = report_tables.tabulate_methods([(artifact, VERDICT)], chosen="int8")
    assert rows[0][6] == "1.23" and "~" not in title


def test_no_methods_are_an_empty_table():
    assert check_table(report_tables.tabulate_methods([], chosen=""))[2] == []


@pytest.mark.parametrize(
    ("drops", "rule"),
    [
        ([30, 0], "tried in order until one holds the limit"),
        ([30, 30], "tried in order until one holds the limit"),
        ([0, 30], "all methods were requested"),
    ],
)
def test_title_of_the_ladder_states_when_it_ended(drops, rule):
    attempts = [Attempt(method="int8_more", seconds=0.0, reason="the ranges differ", candidate=None)]
    for broke in drops:
        validation = copy_verdict(broke=broke, fixed=0, drop=broke / 200, outcome="UNDECIDED")
        candidate = Candidate(artifact=make_artifact("int8", 1), validation=validation)
        attempts.append(Attempt(method="int8", seconds=12.5, reason="chosen: drop 1.0", candidate=candidate))
    title, columns, rows = check_table(report_tables.tabulate_attempts(attempts))
    assert title == f"the choice on validation photos: {rule}" and columns[2] == "chosen, or why not"
    assert rows[:2] == [["int8_more", "0", "the ranges differ"], ["int8", "12", "chosen: drop 1.0"]]


def test_layers_are_ranked_and_have_short_names():
    names = ["classifier_1/conv/Conv2D;classifier/bn", "classifier/dense", "plain"]
    layers = [
        LayerError(name=name, operator="CONV_2D", scale=0.1, error_steps=2.345, saturated=0.0123) for name in names
    ]
    title, _, rows = check_table(report_tables.tabulate_layers(layers, "TFLite", most=2))
    assert title == "int8 error of the layers of the TFLite file: the largest 2 of 3"
    assert rows == [
        ["1", "CONV_2D", "conv/Conv2D", "2.35", "1.23%"],
        ["2", "CONV_2D", "dense", "2.35", "1.23%"],
    ]


def test_weights_are_rows_with_sparsity_and_distinct_weights():
    pruned = make_artifact("prune8", 640_400).model_copy(
        update={"gzip_bytes": 320_000, "sparsity": 0.4876, "distinct_weights": 31}
    )
    _, columns, rows = check_table(report_tables.tabulate_weights([pruned]))
    assert rows == [["prune8", "640 kB", "320 kB", "48.8%", "31"]]
    assert columns[3:] == ["zero weights", "most values in a channel"]


def test_ledger_has_one_row_per_hop():
    title, _, rows = check_table(report_tables.tabulate_ledger(VERDICT))
    assert title == "ledger: accuracy on the same 200 test photos; changes in points"
    assert rows == [["convert", "0.9050", "0.9050", "", "", "3", "1"]]
    assert check_table(report_tables.tabulate_ledger(copy_verdict(hops=())))[2] == []


def test_classes_are_sorted_by_loss():
    _, columns, rows = check_table(report_tables.tabulate_classes(VERDICT))
    assert columns[3] == "int8"
    assert rows == [["daisy", "100", "0.9000", "0.8700", "-3.00"], ["rose", "100", "0.9300", "0.9400", "+1.00"]]


def test_ten_classes_with_the_largest_loss_are_listed():
    changes = tuple(
        ClassChange(
            name=f"c{number:02}", photos=10, reference_accuracy=0.9, accuracy=0.9 - number / 100, broke=0, fixed=0
        )
        for number in range(30)
    )
    rows = report_tables.tabulate_classes(copy_verdict(per_class=changes))[2]
    assert [row[0] for row in rows] == [f"c{number}" for number in range(29, 19, -1)]


def test_classes_with_equal_loss_are_sorted_by_name():
    changes = tuple(
        ClassChange(name=name, photos=1, reference_accuracy=1.0, accuracy=1.0, broke=0, fixed=0) for name in ("b", "a")
    )
    rows = report_tables.tabulate_classes(copy_verdict(per_class=changes))[2]
    assert [row[0] for row in rows] == ["a", "b"]


def test_verdict_is_described_in_three_lines():
    assert report_tables.describe_verdict(VERDICT) == [
        "PASS: int8 predicts 0.9050 of 200 test photos correctly, Keras 0.9150; balanced accuracy 0.9050, Keras 0.9150",
        "  it loses 1.00 points in conversion (one-sided 95% bounds of the change -2.75 and +0.50), 2 may be lost; "
        "broke 3, fixed 1, agreement 0.9750",
        "  worst class daisy -3.00 points",
    ]


@pytest.mark.parametrize(("needed", "more"), [(12_345, "about 12,345 more test photos"), (None, "no number of photos")])
def test_undecided_verdict_states_the_photos_that_would_decide_it(needed, more):
    lines = report_tables.describe_verdict(copy_verdict(outcome="UNDECIDED", photos_needed=needed))
    assert lines[0].startswith("UNDECIDED: ")
    assert lines[3] == f"  {more} would decide it, at the rates observed so far"


def test_verdict_without_a_loss_in_any_class():
    assert report_tables.describe_verdict(copy_verdict(worst_class="rose"))[2] == "  no class lost"


def test_verdict_on_grouped_photos_counts_the_groups():
    lines = report_tables.describe_verdict(copy_verdict(groups=60, design_effect=2.5))
    assert lines[0].startswith("PASS: int8 predicts 0.9050 of 200 test photos in 60 groups correctly, Keras 0.9150;")
    assert lines[3] == (
        "  photos of one group are not independent: the bounds are those of 60 groups, with a variance 2.50 times that "
        "of as many independent photos"
    )


def test_tables_and_sentences_name_balanced_accuracy_where_the_contract_holds_it():
    verdict = copy_verdict(measure="balanced", drop=0.25, accuracy=0.98, balanced_accuracy=0.5)
    assert "changes of balanced accuracy in points" in report_tables.tabulate_ledger(verdict)[0]
    pairs = [(make_artifact("int8", 640_000), verdict)]
    title, _, rows = report_tables.tabulate_methods(pairs, chosen="int8")
    assert "drop of balanced accuracy in points" in title and rows[0][1:4] == ["0.9800", "0.5000", "+25.00"]
    first, second, *_ = report_tables.describe_verdict(verdict)
    assert "balanced accuracy 0.5000, Keras 0.9150" in first
    assert second.startswith("  it loses 25.00 points of balanced accuracy in conversion")


def test_no_class_lost_is_not_said_where_a_class_is_never_predicted():
    counts = tuple(
        ClassCount(name=name, photos=photos, correct=correct, predicted=predicted)
        for name, photos, correct, predicted in (("ok", 190, 190, 200), ("fault", 10, 0, 0), ("none", 0, 0, 0))
    )
    lines = report_tables.describe_verdict(copy_verdict(worst_class="rose", counts=counts))
    assert lines[2] == "  fault never predicted"
    more = (*counts, counts[1].model_copy(update={"name": "scratch"}))
    lines = report_tables.describe_verdict(copy_verdict(worst_class="rose", counts=more))
    assert lines[2] == "  fault and 1 more never predicted"
    never_right = (counts[0].model_copy(update={"correct": 190}), counts[1].model_copy(update={"predicted": 2}))
    lines = report_tables.describe_verdict(copy_verdict(worst_class="rose", counts=never_right))
    assert lines[2] == "  fault never predicted correctly"
