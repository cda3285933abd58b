"""All gates of a sweep to its choice, with prepared trainings and the shared run as the build of the chosen network."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from edgetl.core.device.targets import find_target
from edgetl.core.errors import ConfigError
from edgetl.pipeline.options import SweepOptions
from edgetl.pipeline.sweep import gates as gates_module
from edgetl.pipeline.sweep import sweep_run
from edgetl.pipeline.sweep.candidate_run import Costs
from edgetl.pipeline.sweep.plan import SweepPlan, make_sweep_plan
from edgetl.pipeline.sweep.sweep_run import Swept, open_sweep


@pytest.fixture
def plan(photos) -> SweepPlan:
    """Three sides of one network."""
    return make_sweep_plan(SweepOptions(photos=photos, bases="mobilenet:0.25", sides="32,64,96", weights="none"))


@pytest.fixture
def sweep(monkeypatch, shared_dataset, built, plan, tmp_path) -> Callable[..., Swept]:
    """Return a function that runs a sweep whose files predict so many photos wrongly, by their side."""

    def run(wrong: dict[int, int]) -> Swept:
        dataset = shared_dataset.model_copy(update={"validation": shared_dataset.train})

        def predict(context):
            correct = np.ones(len(dataset.validation), dtype=bool)
            correct[: wrong[context.order.recipe.base.side_px]] = False
            return correct

        def measure(context, _dataset, _device):
            side = context.order.recipe.base.side_px
            return Costs(ms=side / 10, disturbed=False, bytes=side * 1000, method="int8")

        def make_run(context, _dataset):
            artifact = SimpleNamespace(bytes=context.order.recipe.base.side_px * 1000, method="int8")
            return SimpleNamespace(
                judge_model=lambda: predict(context),
                choose_file=lambda: artifact,
                judge_file=lambda _: (predict(context), SimpleNamespace(invoke_ms=1.0)),
            )

        monkeypatch.setattr(gates_module, "measure_untrained", measure)
        monkeypatch.setattr(gates_module, "TrainedRun", make_run)
        monkeypatch.setattr(gates_module, "read_photos", lambda _: dataset)
        monkeypatch.setattr(sweep_run, "run_build", lambda _: built)
        with open_sweep(plan, tmp_path / "sweep", overwrite=False, quiet=True) as context:
            return sweep_run.run_sweep(context, plan)

    return run


def test_fastest_network_that_is_not_certainly_worse_is_chosen(sweep, built):
    swept = sweep({32: 3, 64: 2, 96: 1})
    choice = swept.result.choice
    assert choice is not None and choice.name == "mobilenet-0.25-32"
    assert choice.test_accuracy == built.quality.accuracy and choice.outcome == built.verdict.outcome
    assert -0.05 < choice.optimism < 0.05
    reasons = [row.reason for row in swept.result.rows]
    assert reasons == ["", *["not certainly more accurate than mobilenet-0.25-32, and slower"] * 2]


def test_fast_network_that_is_certainly_worse_is_not_chosen(sweep):
    swept = sweep({32: 40, 64: 2, 96: 1})
    assert swept.result.choice is not None and swept.result.choice.name == "mobilenet-0.25-64"
    assert swept.result.rows[0].reason.startswith("certainly less accurate")


def test_results_are_in_the_folder_with_the_next_commands(sweep, built):
    swept = sweep({32: 3, 64: 2, 96: 1})
    record = json.loads((swept.root / "sweep.json").read_text(encoding="utf-8"))
    assert record["choice"]["name"] == "mobilenet-0.25-32" and record["rows"][0]["gate"] == "chosen"
    assert all(command.startswith("edgetl ") and str(built.run) in command for command in record["choice"]["commands"])
    assert "mobilenet-0.25-64" in swept.page.read_text(encoding="utf-8")


def test_microcontroller_is_not_to_be_measured_over_ssh(plan, built):
    words = [command.split()[1] for command in sweep_run._list_commands(plan, built)]
    assert words == ["report", "bench", "demo"]
    board = replace(plan, target=find_target("esp32-s3"))
    assert [command.split()[1] for command in sweep_run._list_commands(board, built)] == ["report", "demo"]


def test_folder_of_another_sweep_is_refused(sweep, photos, tmp_path):
    sweep({32: 3, 64: 2, 96: 1})
    other = make_sweep_plan(SweepOptions(photos=photos, bases="mobilenet:0.25", sides="32", weights="none", epochs=2))
    with (
        pytest.raises(ConfigError, match="other recipe"),
        open_sweep(other, tmp_path / "sweep", overwrite=False, quiet=True),
    ):
        pass
