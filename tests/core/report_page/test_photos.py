"""The photos are counted by class and part."""

from edgetl.core.report_page.photos import collect_photos
from tests.fixtures.reports import Sample, make_report


def test_counts_are_those_of_the_parts():
    run, target = make_report()
    values = collect_photos(run, target)
    for part in ("train", "validation", "test"):
        assert sum(row[part] for row in values["rows"]) == len(run.dataset.part(part)) == values["parts"][part]
    assert values["reasons"] == {"not a photo": 1}


def test_of_many_classes_those_with_the_fewest_photos_are_listed():
    names = tuple(f"c{number}" for number in range(300))
    values = collect_photos(*make_report(Sample(classes=names, photos=400, without=5)))
    assert len(values["rows"]) == 100 and values["total"] == 300
    assert {f"c{number}" for number in range(295, 300)} <= {row["name"] for row in values["rows"]}


def test_photo_with_several_labels_counts_for_each():
    run, target = make_report(Sample(labels=True))
    total = sum(sum(photo.labels) for photo in run.dataset.test)
    assert sum(row["test"] for row in collect_photos(run, target)["rows"]) == total
