"""What passes each gate of a sweep, with prepared measurements and trainings."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from edgetl.core.errors import DataError, StageError
from edgetl.core.run.run_folder import open_run
from edgetl.pipeline.context import Context
from edgetl.pipeline.options import SweepOptions
from edgetl.pipeline.sweep import gates as module
from edgetl.pipeline.sweep.candidate_run import Costs
from edgetl.pipeline.sweep.gates import RESULT_FILE, SweepGates
from edgetl.pipeline.sweep.plan import make_sweep_plan
from tests.fixtures.runs import QUIET

# Sides in px, the fastest first.
SIDES = (32, 64, 96)


class World:
    """What measurements and trainings result in, by the side of the network; and what was asked for."""

    def __init__(self, photos: int) -> None:
        self.photos = photos
        self.ms = dict.fromkeys(SIDES, 1.0) | {64: 2.0, 96: 3.0}
        self.wrong = {"heads": {32: 60, 64: 40, 96: 20}, "tuned": {32: 3, 64: 2, 96: 1}, "file": {32: 3, 64: 2, 96: 1}}
        self.failures: dict[tuple[str, int], Exception] = {}
        self.unmet: dict[int, str] = {}
        self.seconds = 0.0
        self.calls: list[tuple[str, int]] = []

    def call(self, kind: str, context: Context) -> int:
        side = context.order.recipe.base.side_px
        self.calls.append((kind, side))
        context.clock.count(kind, self.seconds)
        if (kind, side) in self.failures:
            raise self.failures[kind, side]
        return side

    def predict(self, kind: str, side: int) -> np.ndarray:
        correct = np.ones(self.photos, dtype=bool)
        correct[: self.wrong[kind][side]] = False
        return correct

    def measure(self, context, _dataset, _device):
        side = self.call("untrained", context)
        return Costs(
            ms=self.ms[side], disturbed=False, bytes=side * 1000, method="int8", unmet=self.unmet.get(side, "")
        )

    def make_run(self, context, _dataset):
        kind = "tuned" if context.order.recipe.phase2.epochs else "heads"

        def judge_model():
            return self.predict(kind, self.call(kind, context))

        def choose_file():
            # The training is read back.
            context.clock.count("tuned", self.seconds)
            side = self.call("file", context)
            return SimpleNamespace(bytes=side * 1000, method="int8", side=side)

        def judge_file(artifact):
            return self.predict("file", artifact.side), SimpleNamespace(invoke_ms=9.0)

        return SimpleNamespace(judge_model=judge_model, choose_file=choose_file, judge_file=judge_file)


@pytest.fixture
def world(monkeypatch, shared_dataset):
    """Prepared results of all candidates, on as many validation photos as there are for training."""
    photos = shared_dataset.train
    dataset = shared_dataset.model_copy(update={"validation": photos})
    world = World(len(photos))
    monkeypatch.setattr(module, "measure_untrained", world.measure)
    monkeypatch.setattr(module, "TrainedRun", world.make_run)
    monkeypatch.setattr(module, "read_photos", lambda _: dataset)
    return world


@pytest.fixture
def make_gates(photos, tmp_path, world) -> Callable[..., SweepGates]:
    """Return a function that makes the gates of a sweep over three sides."""

    def make(**options):
        plan = make_sweep_plan(
            SweepOptions(photos=photos, bases="mobilenet:0.25", sides="32,64,96", weights="none", **options)
        )
        with open_run(tmp_path / "sweep") as run:
            return SweepGates(Context(order=plan.order, run=run, console=QUIET), plan)

    return make


def list_reasons(gates: SweepGates) -> dict[int, str]:
    return {candidate.side_px: row.reason for candidate, row in gates.rows.items()}


def list_sides(gates: SweepGates) -> list[int]:
    return [candidate.side_px for candidate in gates.list_left()]


def test_what_exceeds_a_limit_is_not_trained(make_gates, world):
    gates = make_gates(limit_ms=2.5, limit_bytes="40k")
    gates.measure()
    assert list_reasons(gates) == {
        32: "",
        64: "not trained: 64000 bytes, at most 40000 allowed",
        96: "not trained: 3.00 ms, at most 2.5 allowed; 96000 bytes, at most 40000 allowed",
    }
    gates.train_heads()
    assert [call for call in world.calls if call[0] == "heads"] == [("heads", 32)]


def test_what_exceeds_the_memory_of_a_microcontroller_is_not_trained(make_gates, world):
    world.unmet = {96: "int8 takes 400000 bytes of arena, 196608 allowed"}
    gates = make_gates()
    gates.measure()
    assert list_reasons(gates) == {32: "", 64: "", 96: "not trained: int8 takes 400000 bytes of arena, 196608 allowed"}


def test_no_network_within_the_limits_is_an_error_with_all_reasons(make_gates):
    with pytest.raises(StageError, match="within the limits") as caught:
        make_gates(limit_ms=0.5).measure()
    assert len(caught.value.where) == 3 and "--limit-ms" in caught.value.hint


def test_failure_is_a_row_and_the_others_go_on(make_gates, world):
    world.failures = {("untrained", 32): StageError("no memory"), ("heads", 64): StageError("diverged")}
    gates = make_gates()
    gates.measure()
    gates.train_heads()
    assert list_reasons(gates) == {32: "failed: no memory", 64: "failed: diverged", 96: ""}


def test_photos_that_cannot_be_used_end_the_sweep(make_gates, world):
    world.failures = {("untrained", 32): DataError("no photos")}
    with pytest.raises(DataError):
        make_gates().measure()


def test_network_that_another_one_beats_is_not_fine_tuned(make_gates, world):
    world.wrong["heads"][96] = 50
    gates = make_gates()
    gates.measure()
    gates.train_heads()
    gates.fine_tune()
    assert list_sides(gates) == [32, 64]
    assert list_reasons(gates)[96] == "mobilenet-0.25-64 is no worse in accuracy, ms and bytes"
    # The most accurate head comes first.
    assert [side for kind, side in world.calls if kind == "tuned"] == [64, 32]


def test_budget_ends_fine_tuning_but_not_before_one(make_gates, world):
    world.seconds = 20.0
    gates = make_gates(budget="30s")
    gates.measure()
    gates.train_heads()
    gates.fine_tune()
    assert [side for kind, side in world.calls if kind == "tuned"] == [96, 64]
    assert list_reasons(gates)[32] == "not fine-tuned: the budget of 0:30 was used" and list_sides(gates) == [64, 96]


def test_training_that_is_read_back_is_not_in_the_seconds_of_the_files(make_gates, world):
    world.seconds = 20.0
    gates = make_gates()
    gates.measure()
    gates.train_heads()
    gates.fine_tune()
    gates.make_files()
    assert [row.seconds for row in gates.rows.values()] == [
        dict.fromkeys(("latency", "heads", "fine-tuning", "file"), 20.0)
    ] * len(SIDES)


def test_network_that_is_certainly_worse_gets_no_file(make_gates, world):
    world.wrong["tuned"] = {32: 60, 64: 2, 96: 1}
    gates = make_gates()
    gates.measure()
    gates.train_heads()
    gates.fine_tune()
    artifacts = gates.make_files()
    assert [candidate.side_px for candidate in artifacts] == [64, 96]
    assert list_reasons(gates)[32].startswith("certainly less accurate than mobilenet-0.25-")
    assert gates.detectable is not None and 0 < gates.detectable < 1


def test_file_that_exceeds_a_limit_is_no_choice(make_gates, world, monkeypatch):
    gates = make_gates(limit_bytes="96k")
    gates.measure()
    gates.train_heads()
    gates.fine_tune()
    original = world.make_run

    def make_larger(context, dataset):
        run = original(context, dataset)
        choose = run.choose_file
        run.choose_file = lambda: SimpleNamespace(**vars(choose()) | {"bytes": 97_000, "method": "float16"})
        return run if context.order.recipe.base.side_px == 96 else original(context, dataset)

    monkeypatch.setattr(module, "TrainedRun", make_larger)
    gates.make_files()
    assert list_reasons(gates)[96] == "float16: 97000 bytes, at most 96000 allowed"
    row = next(row for candidate, row in gates.rows.items() if candidate.side_px == 96)
    # The untrained file was int8: the latency of another method is that of its scoring.
    assert (row.ms, row.method) == (9.0, "float16")


def test_result_is_written_after_every_step(make_gates, world, tmp_path):
    world.failures = {("heads", 64): DataError("gone")}
    gates = make_gates()
    gates.measure()
    with pytest.raises(DataError):
        gates.train_heads()
    record = json.loads((tmp_path / "sweep" / RESULT_FILE).read_text(encoding="utf-8"))
    heads = [row["head"] for row in record["rows"]]
    assert heads == [pytest.approx(1 - 60 / world.photos), None, None] and record["choice"] is None
    assert record["where"] == "one thread of this machine, not the device"


@pytest.fixture
def cluster(monkeypatch, world):
    """What is sent to a cluster, and why candidates fail there, by gate and side."""
    seen = SimpleNamespace(sent=[], reasons={}, finished=set())

    def run_candidates(_context, _executor, sent):
        for position, row in reversed(list(enumerate(sent))):
            gate = "file" if row.work == "file" else row.kind
            seen.sent.append((gate, row.candidate.side_px, row.order.recipe.phase2.epochs > 0))
            yield position, seen.reasons.get((gate, row.candidate.side_px), "")

    monkeypatch.setattr(module, "run_candidates", run_candidates)
    monkeypatch.setattr(module, "is_finished", lambda _context, row, _dataset: row.candidate.side_px in seen.finished)
    return seen


def on_cluster(gates: SweepGates) -> SweepGates:
    gates.context = replace(gates.context, executor=object())
    return gates


def test_gates_on_a_cluster_end_as_those_here(make_gates, world, cluster):
    here = make_gates()
    gates = on_cluster(make_gates())
    for sweep in (here, gates):
        sweep.measure()
        sweep.train_heads()
        sweep.fine_tune()
        sweep.make_files()
    assert [replace(row, seconds={}) for row in gates.rows.values()] == [
        replace(row, seconds={}) for row in here.rows.values()
    ]
    assert sorted(cluster.sent) == sorted(
        [("heads", side, False) for side in SIDES]
        + [("tuned", side, True) for side in SIDES]
        + [("file", side, True) for side in SIDES]
    )


def test_failure_on_a_cluster_is_the_reason_of_its_row(make_gates, world, cluster):
    cluster.reasons = {("heads", 64): "diverged"}
    gates = on_cluster(make_gates())
    gates.measure()
    gates.train_heads()
    assert list_reasons(gates)[64] == "failed: diverged"
    assert ("heads", 64) not in world.calls, "what failed there is not tried here"


def test_finished_networks_are_not_sent_again(make_gates, world, cluster):
    cluster.finished = {32, 96}
    gates = on_cluster(make_gates())
    gates.measure()
    gates.train_heads()
    assert cluster.sent == [("heads", 64, False)]
