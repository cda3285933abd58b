"""The curves of a training are two charts."""

from edgetl.core.report_page.training import collect_training
from edgetl.engines.charts.report.training_curves import draw_training_curves
from tests.fixtures.reports import make_report


def test_accuracy_and_loss_are_drawn():
    charts = draw_training_curves(collect_training(*make_report()), "training")
    assert list(charts) == ["accuracy", "loss"]
    assert "of 5 epochs" in charts["accuracy"]


def test_single_epoch_is_drawn():
    values = collect_training(*make_report())
    one = {**values, "epochs": [1], "curves": {name: ([0.5], [0.6]) for name in ("accuracy", "loss")}}
    assert "of 1 epochs" in draw_training_curves({**one, "borders": []}, "t")["loss"]


def test_training_without_a_log_has_no_chart():
    assert draw_training_curves({**collect_training(*make_report()), "epochs": []}, "training") == {}
