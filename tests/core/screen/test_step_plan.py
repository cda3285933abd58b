"""step_plan.py: the number of steps shrinks and grows with the build, and no time is estimated from nothing."""

import pytest

from edgetl.core.screen.step_plan import PlannedStep, StepPlan


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def plan_steps(*names: str) -> list[PlannedStep]:
    """Plan steps; a "?" at the end marks one that is not certain."""
    return [PlannedStep(name.rstrip("?"), certain=not name.endswith("?")) for name in names]


def run(plan: StepPlan, clock: Clock, name: str, seconds: float) -> str:
    """Run a step and return the description in its middle."""
    plan.begin(name)
    clock.now_s += seconds / 2
    text = plan.describe(None)
    clock.now_s += seconds / 2
    plan.finish(name)
    return text


def test_steps_are_counted_and_the_time_is_shown(clock):
    plan = StepPlan(plan_steps("train", "convert-a", "bundle-a"), clock=clock)
    assert plan.describe(None) == "step 1 of 3, 0:00 elapsed"
    assert run(plan, clock, "train", 100) == "step 1 of 3, 0:50 elapsed"
    assert run(plan, clock, "convert-a", 10) == "step 2 of 3, 1:45 elapsed"
    assert run(plan, clock, "bundle-a", 2) == "step 3 of 3, 1:51 elapsed"


def test_steps_that_are_read_back_are_taken_off(clock):
    plan = StepPlan(plan_steps("train?", "convert-a?", "bundle-a?"), clock=clock)
    assert plan.describe(None).startswith("step 1 of about 3,")
    plan.finish("train")
    plan.finish("convert-a")
    assert run(plan, clock, "bundle-a", 2).startswith("step 1 of about 1,")


def test_steps_that_were_skipped_are_taken_off(clock):
    plan = StepPlan(plan_steps("train", "convert-a?", "score-a?", "bundle-a"), clock=clock)
    run(plan, clock, "train", 1)
    assert run(plan, clock, "bundle-a", 1).startswith("step 2 of 2,")


def test_ladder_that_goes_on_adds_steps(clock):
    plan = StepPlan(plan_steps("convert-int8?", "score-*-validation?", "score-*-test", "bundle-a"), clock=clock)
    assert run(plan, clock, "convert-int8", 1).startswith("step 1 of about 4,")
    assert run(plan, clock, "score-int8-validation", 1).startswith("step 2 of about 4,")
    assert run(plan, clock, "convert-mixed8", 1).startswith("step 3 of about 5,")
    assert run(plan, clock, "score-mixed8-validation", 1).startswith("step 4 of about 6,")
    # The ladder is over, and the rest is certain.
    assert run(plan, clock, "score-mixed8-test", 1).startswith("step 5 of 6,")
    assert run(plan, clock, "bundle-a", 1).startswith("step 6 of 6,")


def test_time_left_is_that_of_the_earlier_build(clock):
    earlier_s = {"train": 60.0, "score-int8-test": 20.0, "bundle-a": 3.0}
    plan = StepPlan(plan_steps("train", "score-*-test", "bundle-a"), earlier_s, clock)
    assert plan.expect_s("train") == 60.0 and plan.expect_s("convert-b") == 0.0
    plan.begin("train")
    clock.now_s += 10
    assert plan.describe(50.0) == "step 1 of 3, 0:10 elapsed, about 1:13 left"
    # Longer than the last time: the running step is unknown, the rest is known.
    assert plan.describe(None) == "step 1 of 3, 0:10 elapsed, at least 0:23 left"


def test_time_left_is_that_of_similar_steps_of_this_build(clock):
    plan = StepPlan(plan_steps("convert-a-mixed8-1", "convert-a-mixed8-2"), clock=clock)
    run(plan, clock, "convert-a-mixed8-1", 8)
    assert plan.expect_s("convert-a-mixed8-16") == 8.0
    assert plan.describe(None) == "step 1 of 2, 0:08 elapsed, about 0:08 left"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("convert-tflite-int8", "convert-tflite-float32"),
        ("score-tflite-int8-xnnpack-validation", "score-tflite-int8-reference-validation"),
        ("score-tflite-int8-xnnpack-validation", "score-tflite-int8-xnnpack-test"),
    ],
)
def test_other_steps_are_no_estimate(clock, before, after):
    plan = StepPlan(plan_steps(before, after), clock=clock)
    run(plan, clock, before, 9)
    assert plan.expect_s(after) == 0.0 and "left" not in plan.describe(None)


def test_empty_plan_counts_what_runs(clock):
    plan = StepPlan(clock=clock)
    assert run(plan, clock, "convert-a", 4) == "step 1 of about 1, 0:02 elapsed"
