"""delivery.py: which file is chosen, by given verdicts; what the stages make of it is in test_build.py."""

import pytest

from edgetl.core.console import Console
from edgetl.core.device import targets
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.evaluation import ladder
from edgetl.core.records import Artifact, Verdict
from edgetl.core.run import run_folder
from edgetl.pipeline.delivery import Delivery
from edgetl.pipeline.order import Order
from edgetl.pipeline.scores import Chain

QUIET = Console(quiet=True)
FLIGHT = ladder.list_variants("mixed8")
# Most tests are about methods that stand for themselves.
CLIMBED = dict.fromkeys(("int8_more", *FLIGHT, "qat8"), "said to be futile")


class Offered(Chain):
    """A chain whose methods lose what `drops` says on validation photos, with nothing made."""

    drops: dict[str, float] = {}
    why_not: dict[str, str] = {}
    outcomes: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def futile(self, form, method) -> str:
        return self.why_not.get(method.name, "")

    def artifact(self, form, name) -> Artifact:
        self.asked.append(name if form == "tflite" else f"{form} {name}")
        return Artifact.model_construct(format=form, method=name, bytes=self.sizes.get(name, 1000))

    def verdict(self, artifact, part, kernels, *, ledger=False) -> Verdict:
        assert part == "validation" and not ledger
        assert kernels == {"tflite": "xnnpack", "onnx": "onnxruntime"}[artifact.format]
        drop = self.drops[artifact.method]
        return Verdict.model_construct(
            drop=drop, limit_drop=0.02, outcome=self.outcomes.get(artifact.method, "UNDECIDED")
        )


@pytest.fixture
def offered(order, tmp_path):
    """A delivery over methods whose verdicts are given."""

    def make(drops, outcomes=(), *, why_not=CLIMBED, **settings):
        order_ = Order(**{"photos": order.photos, "targets": order.targets, "recipe": order.recipe, **settings})
        with run_folder.open_run(tmp_path / "run") as run:
            chain = Offered(order_, run, QUIET)
        chain.drops, chain.outcomes, chain.why_not, chain.asked = drops, dict(outcomes), dict(why_not), []
        return Delivery(chain, order_.targets[0])

    return make


def accepting(target, formats, methods):
    """The target with other wishes."""
    return target.model_copy(
        update={"accepts": target.accepts.model_copy(update={"formats": formats, "methods": methods})}
    )


def test_the_first_method_within_the_limit_is_chosen_and_no_further_made(offered):
    delivery = offered({"int8": 0.01})
    assert delivery.chosen().method == "int8" and delivery.chain.asked == ["int8"]


def test_methods_are_tried_in_the_order_of_the_target(offered):
    delivery = offered({"int8": 0.05, "float16": 0.03, "float32": 0.0})
    assert delivery.chosen().method == "float32" and delivery.chain.asked == ["int8", "float16", "float32"]


def test_exactly_at_the_limit_is_within(offered):
    assert offered({"int8": 0.02}).chosen().method == "int8"


def test_a_method_that_fails_is_not_chosen(offered):
    delivery = offered({"int8": 0.015, "float16": 0.0}, {"int8": "FAIL"})
    assert delivery.chosen().method == "float16"


def test_without_any_within_the_limit_the_nearest_is_chosen(offered):
    drops = {"int8": 0.5, "float16": 0.04, "float32": 0.03, "int16x8": 0.1, "dynamic": 0.03}
    assert offered(drops).chosen().method == "float32"


def test_all_methods_are_made_and_the_first_within_is_chosen(offered):
    drops = {"int8": 0.05, "float16": 0.01, "float32": 0.0, "int16x8": 0.0, "dynamic": 0.0}
    delivery = offered(drops, all_methods=True)
    assert delivery.chosen().method == "float16" and delivery.chain.asked == [
        "int8",
        "float16",
        "float32",
        "int16x8",
        "dynamic",
    ]


def test_the_ladder_keeps_every_step_and_why_it_did_not_do(offered):
    drops = {"int8": 0.05, "mixed8-1": 0.03, "mixed8-2": 0.01}
    delivery = offered(drops, why_not={"int8_more": "no further photos"})
    assert delivery.chosen().method == "mixed8-2"
    assert [(rung.method, rung.told, rung.candidate is None) for rung in delivery.rungs] == [
        ("int8", "loses +5.00 points, over the limit of 2", False),
        ("int8_more", "no further photos", True),
        ("mixed8-1", "loses +3.00 points, over the limit of 2", False),
        ("mixed8-2", "loses +1.00 points, within the limit of 2", False),
    ]
    assert delivery.chain.asked == ["int8", "mixed8-1", "mixed8-2"]


def test_with_all_methods_only_the_flight_ends_at_its_first_step_within(offered):
    drops = dict.fromkeys(("int8", "int8_more", "mixed8-1", "qat8", "float16", "float32", "int16x8", "dynamic"), 0.0)
    delivery = offered(drops, all_methods=True, why_not={})
    assert delivery.chain.asked == [] and delivery.chosen().method == "int8"
    assert delivery.chain.asked == list(drops)


@pytest.mark.parametrize(("pinned", "made"), [("mixed8", ["mixed8-1", "mixed8-2"]), ("mixed8-3", ["mixed8-3"])])
def test_a_pinned_flight_is_climbed_and_a_pinned_step_made(offered, pinned, made):
    delivery = offered({"mixed8-1": 0.03, "mixed8-2": 0.01, "mixed8-3": 0.03}, method=pinned, why_not={})
    assert delivery.chosen(pinned).method == made[-1]
    assert list(dict.fromkeys(delivery.chain.asked)) == made


def test_a_flight_asked_for_after_another_method_was_chosen_is_climbed(offered):
    delivery = offered({"int8": 0.0, "mixed8-1": 0.03, "mixed8-2": 0.01}, why_not={})
    assert delivery.chosen().method == "int8" and delivery.chosen("mixed8").method == "mixed8-2"
    assert delivery.chain.asked == ["int8", "mixed8-1", "mixed8-2"]


def test_a_pinned_method_that_is_futile_says_why(offered):
    with pytest.raises(ConfigError, match="no file was made for tflite: int8_more: said to be futile"):
        offered({}, method="int8_more").chosen("int8_more")


def test_a_training_that_fails_is_a_step_that_did_not_do(offered, monkeypatch):
    made = Offered.artifact

    def artifact(self, form, name):
        if name in {"qat8", "int16x8"}:
            raise StageError(f"{name} and its file do not agree")
        return made(self, form, name)

    monkeypatch.setattr(Offered, "artifact", artifact)
    delivery = offered({"int8": 0.05, "float16": 0.0}, why_not=dict.fromkeys(("int8_more", *FLIGHT), "futile"))
    assert delivery.chosen().method == "float16"
    assert [rung.told for rung in delivery.rungs if rung.method == "qat8"] == ["failed: qat8 and its file do not agree"]
    # What was asked for by name, or trains nothing, is not passed over.
    for pinned in ("qat8", "int16x8"):
        with pytest.raises(StageError, match="do not agree"):
            _ = offered({}, method=pinned, why_not={}).rungs


def test_a_device_may_forbid_steps(offered, order):
    target = accepting(order.targets[0], ("tflite",), ("int8", "float32"))
    delivery = offered({"int8": 0.05, "float32": 0.0}, targets=(target,), why_not={})
    assert delivery.chosen().method == "float32" and delivery.chain.asked == ["int8", "float32"]


def test_a_pinned_method_is_the_only_one(offered):
    delivery = offered({"dynamic": 0.9}, method="dynamic")
    assert delivery.chosen("dynamic").method == "dynamic"
    assert [candidate.artifact.method for candidate in delivery.candidates] == ["dynamic"]


def test_a_method_that_the_target_does_not_list(offered, order):
    target = accepting(order.targets[0], ("tflite",), ("int8", "float32"))
    delivery = offered({}, targets=(target,), method="float16")
    for ask in (lambda: delivery.wishes, lambda: delivery.chosen("float16")):
        with pytest.raises(ConfigError, match="target tflite does not take float16"):
            ask()
    # Asked for by itself it can be made all the same: it is the format that decides.
    assert delivery.artifact("float16").method == "float16"


def test_formats_are_tried_in_the_order_of_the_target_for_each_method(offered, order):
    target = accepting(order.targets[0], ("onnx", "tflite"), ("int16x8", "int8"))
    delivery = offered({"int16x8": 0.5, "int8": 0.01}, targets=(target,), all_methods=True)
    assert delivery.wishes == (("tflite", "int16x8"), ("onnx", "int8"), ("tflite", "int8"))
    chosen = delivery.chosen()
    assert (chosen.format, chosen.method) == ("onnx", "int8")
    assert delivery.chain.asked == ["int16x8", "onnx int8", "int8"]


def test_a_method_that_makes_no_file_for_the_target(offered):
    delivery = offered({}, targets=(targets.find_target("onnx"),))
    with pytest.raises(ConfigError, match="int16x8 makes tflite files, and target onnx takes onnx") as caught:
        delivery.artifact("int16x8")
    assert (
        caught.value.hint
        == "it takes int8, int8_more, mixed8, qat8, float16, float32, dynamic, prune8, prune, cluster8, cluster"
    )
    with pytest.raises(ConfigError, match="target onnx does not take int8_u8s8"):
        delivery.chosen("int8_u8s8")


def test_a_board_without_fast_kernels_is_asked_on_the_plain_ones(order, tmp_path):
    delivery = Delivery(
        Offered(order, run_folder.RunFolder(tmp_path), QUIET), targets.find_target("raspberry-pi-armv7")
    )
    assert delivery._kernels(Artifact.model_construct(format="tflite")) == "reference"


def test_measures_of_several_targets_do_not_overwrite_each_other(offered, order):
    one = offered({})
    both = offered({}, targets=(*order.targets, targets.find_target("raspberry-pi-4")))
    assert (one._bench_name("pi@a"), both._bench_name("pi@a")) == ("bench-pi_a", "bench-tflite-pi_a")


def demanding(delivery, **limits):
    """The same delivery for a target with limits."""
    target = delivery.target
    delivery.target = target.model_copy(update={"limits": target.limits.model_copy(update=limits)})
    return delivery


def test_a_file_too_large_for_the_target_is_passed_over(offered):
    delivery = demanding(offered({"int8": 0.0, "float16": 0.01}), model_bytes=500)
    delivery.chain.sizes = {"float16": 400}
    assert delivery.chosen().method == "float16"
    assert delivery.rungs[0].told == "int8 takes 1000 bytes, 500 allowed"


def test_where_none_is_small_and_true_the_small_one_is_nearest(offered):
    drops = {"int8": 0.0, "float16": 0.05, "float32": 0.0, "int16x8": 0.0, "dynamic": 0.0}
    delivery = demanding(offered(drops), model_bytes=500)
    delivery.chain.sizes = {"float16": 400}
    assert delivery.chosen().method == "float16"


def test_a_run_built_for_one_method_goes_on_with_it(offered):
    """Whatever is asked of the run later: bench, bundle and verify say no method."""
    delivery = offered({"int8": 0.0, "float16": 0.0}, method="float16", all_methods=True)
    assert delivery.chosen().method == "float16" and delivery.chosen("int8").method == "int8"
    assert delivery.chain.asked == ["float16", "int8"]


def test_beside_a_pinned_method_another_training_may_fail(offered, monkeypatch):
    made = Offered.artifact

    def artifact(self, form, name):
        if name == "qat8":
            raise StageError("qat8 and its file do not agree")
        return made(self, form, name)

    monkeypatch.setattr(Offered, "artifact", artifact)
    drops = dict.fromkeys(("int8", "float16", "float32", "int16x8", "dynamic"), 0.0)
    why_not = dict.fromkeys(("int8_more", *FLIGHT), "futile")
    delivery = offered(drops, method="int8", all_methods=True, why_not=why_not)
    assert "failed: qat8 and its file do not agree" in [rung.told for rung in delivery.rungs]


def test_a_flight_is_climbed_for_convert_too(offered):
    delivery = offered({"mixed8-1": 0.03, "mixed8-2": 0.01}, why_not={})
    assert delivery.artifact("mixed8").method == "mixed8-2" and delivery.artifact("mixed8-4").method == "mixed8-4"
