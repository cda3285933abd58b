"""steps.py: the plan has the steps that a build runs, in their order, and the durations of the same recipe only."""

import dataclasses
import re

import pytest

from edgetl.core.device import targets
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.screen.step_plan import StepPlan
from edgetl.core.storage.files import write_json
from edgetl.pipeline.forecast.steps import plan_steps
from edgetl.pipeline.order import save_order


def run_all(plan: StepPlan, *names: str) -> list[str]:
    """Run steps; return the number of each, as in "1 of about 12"."""
    counts = []
    for name in names:
        plan.begin(name)
        counts.append(re.match(r"step ([^,]*),", plan.describe(None))[1])
        plan.finish(name)
    return counts


# The stages of a build for tflite whose first file is within the limit.
LADDER = [
    "photos",
    "train",
    "calibrate-tflite",
    "convert-tflite-int8",
    "score-keras-validation",
    "score-tflite-int8-xnnpack-validation",
    "score-keras-test",
    "score-tflite-int8-xnnpack-test",
    "convert-tflite-float32",
    "score-tflite-float32-xnnpack-test",
    "score-tflite-int8-reference-test-few",
    "answers-tflite",
    "bundle-tflite",
    "heatmaps-tflite",
    "findings",
]


def write_durations(root, **seconds_by_stage: float) -> None:
    for stage, seconds in seconds_by_stage.items():
        name = stage.replace("_", "-")
        (root / name).mkdir(parents=True)
        write_json(root / name / f"{name.partition('-')[0]}.json", {"seconds": seconds})


def test_ladder_is_a_forecast_until_it_ends(plain_order, tmp_path):
    counts = run_all(plan_steps(plain_order, tmp_path), *LADDER)
    assert [int(count.split()[0]) for count in counts] == list(range(1, 16))
    assert {count.split()[-1] for count in counts} == {"15"}
    assert "about" in counts[0] and "about" in counts[5] and "about" not in counts[-1]


def test_pinned_method_is_certain(plain_order, tmp_path):
    order = dataclasses.replace(plain_order, method="int8")
    assert run_all(plan_steps(order, tmp_path), *LADDER) == [f"{number} of 15" for number in range(1, 16)]


def test_steps_of_two_targets_share_the_training(plain_order, tmp_path):
    order = dataclasses.replace(plain_order, targets=(targets.find_target("tflite"), targets.find_target("onnx")))
    assert run_all(plan_steps(order, tmp_path), "photos", "train") == ["1 of about 26", "2 of about 26"]


def test_board_without_fast_kernels_has_no_second_hop(plain_order, tmp_path):
    order = dataclasses.replace(plain_order, targets=(targets.find_target("raspberry-pi-armv7"),))
    assert run_all(plan_steps(order, tmp_path), "photos") == ["1 of about 14"]


def test_all_methods_are_planned(plain_order, tmp_path):
    order = dataclasses.replace(plain_order, all_methods=True)
    total = int(run_all(plan_steps(order, tmp_path), "photos")[0].split()[-1])
    # int8, int8_more, int8_adaround, five of mixed8, qat8, float16, float32, int16x8 and dynamic: two stages each.
    assert total > 2 + 13 * 2


@pytest.mark.parametrize("method", ["mixed8", "mixed8-4", "qat8", "prune8", "float32"])
def test_plan_of_every_kind_of_method(plain_order, tmp_path, method):
    order = dataclasses.replace(plain_order, method=method)
    assert run_all(plan_steps(order, tmp_path), "photos", "train")[1].startswith("2 of ")


def test_durations_are_those_of_the_same_recipe(plain_order, tmp_path):
    write_durations(tmp_path, train=60.0, bundle_tflite=2.0)
    assert plan_steps(plain_order, tmp_path).expect_s("train") == 0.0
    save_order(plain_order, tmp_path)
    plan = plan_steps(plain_order, tmp_path)
    assert (plan.expect_s("train"), plan.expect_s("bundle-tflite")) == (60.0, 2.0)
    other = dataclasses.replace(plain_order, recipe=resolve_recipe("default", {"phase1": {"epochs": 7}}))
    assert plan_steps(other, tmp_path).expect_s("train") == 0.0


def test_finished_steps_are_not_certain(plain_order, tmp_path):
    """They may be read back, whatever the recipe is."""
    order = dataclasses.replace(plain_order, method="int8")
    write_durations(tmp_path, train=60.0)
    assert run_all(plan_steps(order, tmp_path), "photos") == ["1 of about 15"]


def test_order_that_cannot_be_read_is_passed_over(plain_order, tmp_path):
    (tmp_path / "order.json").write_text("{}")
    write_durations(tmp_path, train=60.0)
    assert plan_steps(plain_order, tmp_path).expect_s("train") == 0.0


def test_forecast_has_the_steps_of_a_real_build(order, built, tmp_path):
    """Whether its first file is within the limit or not: after the last step, the findings, the plan is empty."""
    stages = [name for name in built.seconds if name.partition("-")[0] not in ("ingest", "verify", "results")]
    counts = run_all(plan_steps(order, tmp_path), "photos", *stages)
    assert counts[-1] == f"{len(stages) + 1} of {len(stages) + 1}"
    first_count = int(counts[0].split()[-1])
    assert abs(first_count - len(counts)) <= 2 or len(built.table()) > 1
