"""What a tool that tracks experiments gets: numbers, parameters, tags, and a key: the same for the same results."""

import json
from dataclasses import replace

import pytest

from edgetl.core.tracking.tracked_run import flatten_tables, format_parameter, list_metrics, make_tracked_run
from tests.fixtures.reports import Sample, change_verdict, make_report

RECIPE = {"base": {"name": "mobilenet", "alpha": 0.25}, "phase1": {"epochs": 3}, "contract": {"strict": False}}


def track(run, target, recipe=RECIPE, **options):
    return make_tracked_run(run, target, recipe, options)


def change_result(facts, **changes):
    return replace(facts, result=facts.result.model_copy(update=changes))


def test_metrics_are_those_of_the_verdict():
    run, target = make_report()
    verdict, metrics = target.result.verdict, list_metrics(run, target)
    assert metrics["test.accuracy"] == verdict.accuracy and metrics["test.drop_high"] == verdict.drop_high
    assert metrics["test.calibration_error"] == verdict.calibration_error
    assert metrics["file.bytes"] == 640_000 and metrics["host.ms"] == 1.25
    assert all(type(value) is float for value in metrics.values())


def test_numbers_that_were_not_measured_are_left_out():
    run, target = make_report()
    metrics = list_metrics(run, change_verdict(target, host_ms=0.0))
    assert "host.ms" not in metrics and "validation.accuracy" not in metrics
    external = replace(run, trained=run.trained.model_copy(update={"phases": ()}))
    assert "training.seconds" not in list_metrics(external, target)


def test_latencies_of_devices_are_those_of_the_chosen_file():
    run, target = make_report()
    target = change_result(
        target, device_ms={"pi@10.0.0.7:22": {"a" * 64: 12.0, "b" * 64: 9.0}, "old": {"b" * 64: 1.0}}
    )
    devices = {name: value for name, value in list_metrics(run, target).items() if name.startswith("device.")}
    # A name of a metric has no @ and no colon.
    assert devices == {"device.pi_10.0.0.7_22.ms": 12.0}


def test_key_is_that_of_the_results_and_not_of_the_place():
    run, target = make_report()
    key = track(run, target).key
    moved = replace(run, root=run.root / "elsewhere")
    assert track(moved, change_verdict(target, host_ms=9.0), photos="other").key == key
    assert track(run, target, {**RECIPE, "phase1": {"epochs": 4}}).key != key
    assert track(run, change_result(target, sha256="c" * 64)).key != key
    assert track(run, change_result(target, target="onnx")).key != key


def test_run_of_several_targets_has_the_target_in_its_name():
    run, target = make_report()
    assert track(run, target).name == "run"
    both = replace(run, results=run.results.model_copy(update={"targets": (target.result, target.result)}))
    assert track(both, target).name == "run, tflite"


def test_tags_parameters_epochs_and_texts():
    run, target = make_report()
    tracked = track(run, target, photos="flowers")
    assert tracked.tags["edgetl.verdict"] == target.result.verdict.outcome
    assert tracked.tags["edgetl.version.keras"] == "3"
    assert tracked.parameters == {
        "photos": "flowers",
        "base.name": "mobilenet",
        "base.alpha": "0.25",
        "phase1.epochs": "3",
        "contract.strict": "false",
    }
    assert list(tracked.epochs) == [1, 2, 3, 4, 5] and tracked.epochs[2]["training.loss"] == 0.5
    assert json.loads(tracked.texts["ledger.json"])[1]["name"] == "int8, XNNPACK"
    assert json.loads(tracked.texts["verdict.json"])["outcome"] == target.result.verdict.outcome


def test_labels_are_tracked_as_well():
    run, target = make_report(Sample(labels=True))
    assert track(run, target).metrics["test.photos"] == 60


@pytest.mark.parametrize(("value", "text"), [("a b", "a b"), (0.5, "0.5"), (True, "true"), (["a"], '["a"]'), ("", "")])
def test_values_are_text(value, text):
    assert format_parameter(value) == text and flatten_tables({"t": {"k": value}}) == {"t.k": text}
