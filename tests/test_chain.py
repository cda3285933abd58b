"""chain.py: which method is chosen, by given verdicts; what the stages make of it is in test_build.py."""

import pytest

from edgetl.chain import Chain
from edgetl.core import runs
from edgetl.core.console import Console
from edgetl.core.records import Artifact, Verdict
from edgetl.order import Order

QUIET = Console(quiet=True)


class Offered(Chain):
    """A chain whose methods lose what `drops` says on validation photos, with nothing made."""

    drops: dict[str, float] = {}
    outcomes: dict[str, str] = {}

    def artifact(self, name: str) -> Artifact:
        self.asked.append(name)
        return Artifact.model_construct(method=name)

    def verdict(self, artifact, part, *, ledger=False) -> Verdict:
        assert part == "validation" and not ledger
        drop = self.drops[artifact.method]
        return Verdict.model_construct(
            drop=drop, limit_drop=0.02, outcome=self.outcomes.get(artifact.method, "UNDECIDED")
        )


@pytest.fixture
def offered(order, tmp_path):
    """A chain over methods whose verdicts are given."""

    def make(drops, outcomes=(), **settings):
        with runs.opened(tmp_path / "run") as run:
            chain = Offered(
                Order(photos=order.photos, target=order.target, recipe=order.recipe, **settings), run, QUIET
            )
        chain.drops, chain.outcomes, chain.asked = drops, dict(outcomes), []
        return chain

    return make


def test_the_first_method_within_the_limit_is_chosen_and_no_further_made(offered):
    chain = offered({"int8": 0.01})
    assert chain.chosen().method == "int8" and chain.asked == ["int8"]


def test_methods_are_tried_in_the_order_of_the_target(offered):
    chain = offered({"int8": 0.05, "float16": 0.03, "float32": 0.0})
    assert chain.chosen().method == "float32" and chain.asked == ["int8", "float16", "float32"]


def test_exactly_at_the_limit_is_within(offered):
    assert offered({"int8": 0.02}).chosen().method == "int8"


def test_a_method_that_fails_is_not_chosen(offered):
    chain = offered({"int8": 0.015, "float16": 0.0}, {"int8": "FAIL"})
    assert chain.chosen().method == "float16"


def test_without_any_within_the_limit_the_nearest_is_chosen(offered):
    drops = {"int8": 0.5, "float16": 0.04, "float32": 0.03, "int16x8": 0.1, "dynamic": 0.03}
    assert offered(drops).chosen().method == "float32"


def test_all_methods_are_made_and_the_first_within_is_chosen(offered):
    drops = {"int8": 0.05, "float16": 0.01, "float32": 0.0, "int16x8": 0.0, "dynamic": 0.0, "qat8": 0.0}
    chain = offered(drops, all_methods=True)
    assert chain.chosen().method == "float16" and chain.asked == list(drops)


def test_what_costs_another_training_is_made_when_asked_for(offered):
    accepted = offered({})._order.target.accepts.methods
    assert {"qat8", "prune", "prune8", "cluster", "cluster8"} <= set(accepted)
    for slim in ("prune", "cluster8", "qat8"):
        chain = offered({slim: 0.0}, method=slim)
        assert chain.chosen(slim).method == slim
        assert [candidate.artifact.method for candidate in chain.candidates] == [slim]


def test_a_pinned_method_is_the_only_one(offered):
    chain = offered({"dynamic": 0.9}, method="dynamic")
    assert chain.chosen("dynamic").method == "dynamic"
    assert [candidate.artifact.method for candidate in chain.candidates] == ["dynamic"]
