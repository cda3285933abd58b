"""The training has a row for each phase and a point for each epoch."""

from dataclasses import replace

from edgetl.core.report_page.training import collect_training
from tests.fixtures.reports import make_report


def test_curves_have_a_value_for_each_epoch():
    values = collect_training(*make_report())
    assert values["epochs"] == [1, 2, 3, 4, 5] and values["borders"] == [3] and values["best"] == 5
    assert {len(curve) for curves in values["curves"].values() for curve in curves} == {5}
    assert [row[0] for row in values["rows"]] == ["head", "fine-tune"]


def test_best_epoch_of_a_discarded_phase_is_not_kept():
    run, target = make_report()
    head, fine_tune = run.trained.phases
    phases = (head, fine_tune.model_copy(update={"accepted": False}))
    discarded = replace(run, trained=run.trained.model_copy(update={"phases": phases}))
    assert collect_training(discarded, target)["best"] == head.best_epoch


def test_model_made_elsewhere_has_no_section():
    run, target = make_report()
    assert collect_training(replace(run, trained=run.trained.model_copy(update={"phases": ()})), target) is None
