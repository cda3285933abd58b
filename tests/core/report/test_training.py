"""Sentences about the phases of a training and its curves."""

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.report import training
from edgetl.core.report.training import describe_curves, describe_phases


def describe(flags=None, source="default"):
    return describe_phases(resolve_recipe(source, flags or {}).select(TrainingTables))


def test_both_phases_are_described_with_their_options():
    assert describe() == (
        "phase 1: the head, up to 12 epochs (--epochs) at 0.001 (--learning-rate)",
        "phase 2: the base from 0.35 (--unfreeze) and the head, up to 10 epochs (--fine-tune-epochs) at 0.0001",
    )


def test_epochs_without_an_early_stop_are_exact():
    first, second = describe(source="classic")
    assert "head, 12 epochs" in first and "head, 10 epochs" in second and "5e-05" in second


def test_phase_that_is_skipped_is_said():
    first, second = describe({"phase1": {"epochs": 1}, "phase2": {"epochs": 0}})
    assert "up to 1 epoch " in first and second == "phase 2: none (--fine-tune-epochs 0)"


@pytest.mark.parametrize("installed", [True, False])
def test_curves_come_with_the_command_and_with_the_extra_where_it_is_missing(monkeypatch, installed):
    monkeypatch.setattr(training, "find_spec", lambda name: ModuleSpec(name, None) if installed else None)
    text = describe_curves(Path("my runs/train"))
    assert text.startswith("training curves: tensorboard --logdir 'my runs/train'")
    assert text.endswith("pip install 'edgetl[tensorboard]')") is not installed
