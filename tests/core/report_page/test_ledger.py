"""The ledger says where most was lost."""

from edgetl.core.report_page.ledger import collect_ledger
from tests.fixtures.reports import change_verdict, make_report


def make_hops(*accuracies):
    """Return facts with a ledger of these accuracies."""
    run, target = make_report()
    hop = target.result.verdict.hops[0]
    before = (accuracies[0], *accuracies)
    hops = tuple(
        hop.model_copy(update={"name": f"hop {number}", "accuracy": accuracy, "reference_accuracy": before[number]})
        for number, accuracy in enumerate(accuracies)
    )
    return run, change_verdict(target, hops=hops)


def test_hop_with_the_largest_loss_is_marked():
    stops = collect_ledger(*make_hops(0.9, 0.89, 0.8, 0.85))["stops"]
    assert [stop["change"] for stop in stops] == [None, "-1.00", "-9.00", "+5.00"]
    assert [stop["kind"] for stop in stops] == ["", "loss", "loss", "gain"]
    assert [stop["is_worst"] for stop in stops] == [False, False, True, False]


def test_total_is_from_the_first_to_the_last():
    assert collect_ledger(*make_hops(0.9, 0.8, 0.85))["total"] == "-5.00"


def test_hop_with_few_photos_is_paired_and_no_part_of_the_total():
    run, target = make_hops(0.9, 0.8, 0.85)
    *complete, last = target.result.verdict.hops
    few = last.model_copy(update={"photos": 20, "reference_accuracy": 0.86})
    values = collect_ledger(run, change_verdict(target, hops=(*complete, few)))
    assert values["total"] == "-10.00" and values["stops"][-1]["change"] == "-1.00"
    assert values["photos"].endswith(", 20 of them after the last hop")


def test_ledger_without_a_loss_marks_nothing():
    stops = collect_ledger(*make_hops(0.9, 0.9, 0.95))["stops"]
    assert not any(stop["is_worst"] for stop in stops) and stops[1]["change"] == "0.00"


def test_verdict_without_a_ledger_has_no_section():
    run, target = make_report()
    assert collect_ledger(run, change_verdict(target, hops=())) is None
