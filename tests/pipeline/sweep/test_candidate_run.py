"""A candidate is measured untrained, and its results are those of an ordinary run."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from edgetl.core.device.targets import find_target
from edgetl.core.errors import StageError
from edgetl.pipeline.sweep import candidate_run
from edgetl.pipeline.sweep.candidate_run import (
    Costs,
    TrainedRun,
    UntrainedModel,
    choose_method,
    measure_untrained,
    number_decisions,
    open_candidate,
    read_photos,
)


def test_results_of_a_trained_candidate_are_those_of_its_run(context, shared_dataset, delivered):
    run = TrainedRun(context, shared_dataset)
    artifact = run.choose_file()
    assert context.clock.lap() > 0
    assert artifact.sha256 == delivered.artifact.sha256
    correct, scores = run.judge_file(artifact)
    (verdict,) = [row.validation for row in delivered.candidates if row.artifact.sha256 == artifact.sha256]
    assert correct.mean() == pytest.approx(verdict.accuracy) and scores.part == "validation"
    assert run.judge_model().mean() == pytest.approx(verdict.reference_accuracy)
    assert not context.run.seconds.get("train")


def test_photos_are_those_of_the_order(context, shared_dataset):
    assert read_photos(context).sha256 == shared_dataset.sha256


def test_candidate_has_a_run_folder_of_its_own(context, order):
    with open_candidate(context, order, "tuned", "mobilenet-0.25-32") as inner:
        assert inner.run.root == context.run.root / "tuned" / "mobilenet-0.25-32"
        assert (inner.run.root / "order.json").is_file()
        inner.clock.count("train", 3.0)
    assert context.clock.lap() == 0
    with open_candidate(context, order, "untrained", "mobilenet-0.25-32") as inner:
        # Nobody must take an untrained network for a run.
        assert not (inner.run.root / "order.json").exists()


def test_untrained_network_has_few_photos_and_another_hash(context, shared_dataset):
    dataset = UntrainedModel(context, shared_dataset).dataset
    assert len(dataset.train) == 16 and set(dataset.train) <= set(shared_dataset.train)
    assert dataset.sha256 != shared_dataset.sha256 and dataset.classes == shared_dataset.classes


def test_untrained_network_is_converted_to_int8_where_the_target_takes_it():
    assert choose_method(find_target("raspberry-pi-4")) == "int8"
    target = find_target("tflite")
    accepts = target.accepts.model_copy(update={"methods": ("qat8", "float16")})
    assert choose_method(target.model_copy(update={"accepts": accepts})) == "float16"


@pytest.fixture
def device(monkeypatch, delivered):
    """Return a function that prepares the measurements of a device: valid, or the reasons why not."""

    def prepare(*measurements):
        rows, orders = iter(measurements), []

        def measure_everywhere(_self, _artifact, _bundle, order):
            orders.append(order)
            row = next(rows)
            if isinstance(row, StageError):
                return SimpleNamespace(errors=(row,), measurements={})
            steady = SimpleNamespace(p50=SimpleNamespace(ms=7.0))
            best = SimpleNamespace(steady=steady)
            board = SimpleNamespace(emulated="emulated" in row)
            measurement = SimpleNamespace(valid=not row, reasons=row, best=best, board=board)
            return SimpleNamespace(errors=(), measurements={"pi@a": measurement})

        for name, method, result in (
            ("Selection", "convert", delivered.artifact),
            ("ModelScores", "judge", delivered.verdict),
            ("ModelScores", "score", SimpleNamespace(invoke_ms=0.5, disturbed=True)),
            ("Delivery", "bundle", delivered.bundle),
        ):
            monkeypatch.setattr(getattr(candidate_run, name), method, lambda *_, result=result, **__: result)
        monkeypatch.setattr(candidate_run.Devices, "measure_everywhere", measure_everywhere)
        return orders

    return prepare


def test_latency_of_this_machine_is_that_of_scoring(context, shared_dataset, device, delivered):
    device()
    costs = measure_untrained(context, shared_dataset, "")
    assert costs == Costs(ms=0.5, disturbed=True, bytes=delivered.artifact.bytes, method=delivered.artifact.method)


def test_invalid_measurement_of_a_device_is_repeated_once(context, shared_dataset, device):
    orders = device(("busy",), ())
    assert measure_untrained(context, shared_dataset, "pi@a").ms == 7.0
    assert [order.names for order in orders] == [("pi@a",)] * 2 and all(order.resume for order in orders)
    device(("busy",), ("hot",))
    with pytest.raises(StageError, match="both times invalid: hot"):
        measure_untrained(context, shared_dataset, "pi@a")


def test_measurement_of_an_emulated_device_is_kept_and_marked(context, shared_dataset, device):
    orders = device(("busy", "emulated"))
    costs = measure_untrained(context, shared_dataset, "pi@a")
    assert (costs.ms, costs.emulated, len(orders)) == (7.0, True, 1)


def test_device_that_fails_is_an_error(context, shared_dataset, device):
    device(StageError("no route"))
    with pytest.raises(StageError, match="no route"):
        measure_untrained(context, shared_dataset, "pi@a")


def test_latency_of_a_microcontroller_is_estimated_and_not_measured(context, shared_dataset, delivered, monkeypatch):
    memory = SimpleNamespace(npu=(), multiplications=10_000_000, arena_bytes=1, layers=())
    monkeypatch.setattr(candidate_run.Selection, "convert", lambda *_: delivered.artifact)
    monkeypatch.setattr(candidate_run.ModelScores, "measure_memory", lambda *_: (memory,))

    def measure(*_):
        pytest.fail("LiteRT on this machine is measured")

    monkeypatch.setattr(candidate_run.ModelScores, "score", measure)
    for name, known in (("arduino-nano-33-ble", True), ("esp32-s3", False)):
        order = replace(context.order, targets=(find_target(name),))
        costs = measure_untrained(replace(context, order=order), shared_dataset, "")
        assert costs.estimated == (costs.ms is not None) == known and not costs.unmet


def test_decisions_of_one_group_are_one_cluster(shared_dataset):
    assert number_decisions(shared_dataset) is None or len(np.unique(number_decisions(shared_dataset))) > 1
    photos = tuple(photo.model_copy(update={"group": "burst"}) for photo in shared_dataset.validation)
    clusters = number_decisions(shared_dataset.model_copy(update={"validation": photos}))
    assert clusters is not None and len(np.unique(clusters)) == 1


@pytest.mark.slow
def test_untrained_network_is_measured_on_this_machine(context, shared_dataset):
    with open_candidate(context, context.order, "untrained", "a") as inner:
        costs = measure_untrained(inner, shared_dataset, "")
    assert costs.ms and not costs.estimated and costs.bytes > 100_000 and costs.method == "int8"
