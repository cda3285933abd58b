"""What each gate of a sweep costs, and what it spares."""

import json

from edgetl.core.sweep.gate_costs import describe_gate_costs, dump_sweep, estimate_gate_costs
from edgetl.core.sweep.results import SweepRow
from edgetl.core.sweep.space import SweepCandidate
from tests.fixtures.sweeps import make_result

NAME = SweepCandidate(base="mobilenet", alpha=0.25, side_px=96)


def make_row(gate, ms, reason="", **seconds):
    names = {name.replace("_", "-"): value for name, value in seconds.items()}
    return SweepRow(candidate=NAME, gate=gate, ms=ms, reason=reason, seconds=names)


ROWS = (
    make_row("chosen", 2.0, latency=1.0, heads=10.0, fine_tuning=100.0, file=5.0),
    make_row("heads", 4.0, "beaten", latency=1.5, heads=20.0),
    make_row("latency", 8.0, "not trained: 8.00 ms", latency=2.0),
    make_row("latency", None, "failed: no route", latency=0.5),
)


def test_spared_seconds_are_those_of_the_next_training_by_latency():
    costs = {cost.gate: cost for cost in estimate_gate_costs(ROWS)}
    assert {gate: cost.seconds for gate, cost in costs.items()} == {
        "latency": 5.0, "heads": 30.0, "fine-tuning": 100.0, "file": 5.0,
    }  # fmt: skip
    # 5 s of head for each ms, and 50 s of fine-tuning. A network that failed is not spared.
    assert (costs["latency"].ended, costs["latency"].spared_s) == (1, 40.0)
    assert (costs["heads"].ended, costs["heads"].spared_s) == (1, 200.0)
    assert costs["fine-tuning"].spared_s is None


def test_without_trainings_nothing_is_estimated():
    (cost,) = estimate_gate_costs(ROWS[2:])
    assert cost.gate == "latency" and cost.spared_s is None
    assert estimate_gate_costs([SweepRow(candidate=NAME)]) == ()


def test_json_has_the_costs_beside_the_result():
    record = json.loads(json.dumps(dump_sweep(make_result())))
    assert record["choice"] and record["gates"][0]["gate"] == "latency" and record["gates"][0]["seconds"] == 6.0


def test_sentence_has_the_seconds_of_each_gate():
    text = describe_gate_costs(estimate_gate_costs(ROWS))
    assert text.startswith("time of the gates: latency 0:05 (spared about 0:40 of training), heads 0:30")
    assert describe_gate_costs(()) == ""
