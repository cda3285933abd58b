"""Every photo whose prediction changed is in the section, with what both models thought."""

from collections import Counter

import pytest

from edgetl.core.report_page.changed_photos import collect_changed_photos, list_changed_photos
from tests.fixtures.reports import Sample, make_report


@pytest.mark.parametrize("labels", [False, True])
def test_counts_are_those_of_the_verdict(labels):
    _, target = make_report(Sample(photos=200, labels=labels))
    counts = Counter(change["kind"] for change in list_changed_photos(target))
    verdict = target.result.verdict
    assert counts["broke"] == verdict.broke > 0 and counts["fixed"] == verdict.fixed > 0
    assert counts.total() == len(verdict.flips)


def test_most_confident_changes_are_first():
    _, target = make_report(Sample(photos=200))
    confidences = [change["confidence"] for change in list_changed_photos(target)]
    assert confidences == sorted(confidences, reverse=True)


def test_predictions_are_those_of_both_models():
    run, target = make_report(Sample(photos=200))
    broke = next(kind for kind in collect_changed_photos(run, target)["kinds"] if kind["name"] == "broke")
    rows = {photo.path: row for row, photo in enumerate(run.photos)}
    for photo in broke["photos"]:
        row = rows[photo["shown"]["path"]]
        keras, artifact = photo["predictions"]
        assert keras["name"] == photo["shown"]["label"] == run.classes[target.truth[row]]
        assert artifact["name"] == run.classes[target.decisions[row]] != keras["name"]
        assert keras["score"] == pytest.approx(target.reference[row].max())
        assert artifact["score"] == pytest.approx(target.artifact[row].max())
        assert (keras["right"], artifact["right"]) == (True, False)


def test_decision_about_a_label_names_it():
    run, target = make_report(Sample(photos=100, labels=True))
    kinds = collect_changed_photos(run, target)["kinds"]
    assert {kind["name"] for kind in kinds} == {"broke", "fixed"}
    for photo in (photo for kind in kinds for photo in kind["photos"]):
        assert photo["label"] in run.classes
        assert {prediction["name"] for prediction in photo["predictions"]} == {"absent", "present"}


def test_photos_beyond_the_first_hundred_are_counted():
    run, target = make_report(Sample(photos=1500, changed=0.3))
    broke = collect_changed_photos(run, target)["kinds"][0]
    assert broke["total"] == target.result.verdict.broke > 100 == len(broke["photos"])


def test_file_that_predicts_the_same_has_no_photos():
    run, target = make_report(Sample(changed=0.0))
    assert collect_changed_photos(run, target)["kinds"] == []
