"""The first section of a report: few photos of each kind, and only what is known."""

from dataclasses import replace

import pytest

from edgetl.core.inspection.findings import BadPhoto, BuildFindings, ConfusedPair, Suspect
from edgetl.core.inspection.photo_findings import combine_findings
from edgetl.core.inspection.report_section import collect_inspection, list_shown_rows
from edgetl.core.pages.page import render_page
from edgetl.core.pages.thumbnails import Thumbnails
from tests.fixtures.reports import HOSTILE, Sample, make_report


def make_findings(run, **changes):
    """Return the findings of a build about the 60 photos of a sample."""
    record = BuildFindings(
        judged=20,
        suspects=tuple(Suspect(row=row, suggested=1, score=0.01 * row, neighbours=()) for row in range(20)),
        pairs=(
            ConfusedPair(label=0, predicted=1, photos=5, total=9, between=(30, 31)),
            ConfusedPair(label=1, predicted=0, photos=4, total=9, between=(30, 31)),
            ConfusedPair(label=0, predicted=2, photos=3, total=9, between=(32,)),
        ),
        bad_photos=tuple(BadPhoto(row=row, problem="dark", detail=f"detail {row}") for row in range(40, 50)),
    ).model_copy(update=changes)
    return replace(run, findings=combine_findings(run.dataset, record))


@pytest.fixture
def sample():
    run, target = make_report()
    # The same photos in each part would be counted thrice.
    dataset = run.dataset.model_copy(update={"train": (), "validation": ()})
    return replace(run, dataset=dataset), target


def render(run, target):
    return render_page("report/inspection.html", {"v": collect_inspection(run, target)})


def test_facts_without_findings_have_no_section(sample):
    assert collect_inspection(*sample) is None


def test_few_photos_of_each_kind_are_shown_with_the_number_of_all(sample):
    run, target = make_findings(sample[0]), sample[1]
    values = collect_inspection(run, target)
    assert (len(values["suspects"]), values["suspects_total"]) == (12, 20)
    assert [(kind["problem"], kind["total"], len(kind["photos"])) for kind in values["bad"]] == [("dark", 10, 6)]
    assert values["bad"][0]["detail"] == "detail 40" and values["judged"] == 20
    # Both directions of a confusion have the same photos between them.
    assert [(pair["photos"], len(pair["between"])) for pair in values["pairs"]] == [(5, 2), (3, 1)]
    text = render(run, target)
    assert "8 more are not shown" in text and "20 of 60 photos" in text and "edgetl inspect run" in text


def test_rows_that_are_shown_are_those_that_need_pixels(sample):
    run, target = make_findings(sample[0]), sample[1]
    asked = []
    picture = run.thumbnails._pixels
    recorder = Thumbnails(lambda rows: asked.extend(rows) or picture(rows))
    collect_inspection(replace(run, inspected_thumbnails=recorder), target)
    assert sorted(set(asked)) == list_shown_rows(run.findings) == [*range(12), 30, 31, 32, *range(40, 46)]


def test_inspection_of_the_same_photos_has_neighbours_and_a_learning_curve(sample, inspection):
    run, target = sample
    known = combine_findings(run.dataset, inspection)
    run = replace(run, findings=replace(known, link="./../a%20b/inspection.html"))
    values = collect_inspection(run, target)
    assert len(values["suspects"][0]["neighbours"]) == 2 and values["more"][0]["photos"] == 8
    assert [shortcut["name"] for shortcut in values["shortcuts"]] == ["size of the file"]
    text = render(run, target)
    assert 'href="./../a%20b/inspection.html"' in text and "8 more" in text and "edgetl inspect" not in text


def test_run_of_before_names_the_command(sample):
    run, target = sample
    text = render(replace(run, findings=combine_findings(run.dataset, None)), target)
    assert "has not looked into its photos" in text and "edgetl inspect run" in text and "No label" not in text


def test_build_without_problems_says_so(sample):
    run, target = make_findings(sample[0], suspects=(), pairs=(), bad_photos=()), sample[1]
    text = render(run, target)
    assert "No label is likely to be wrong" in text and "No photo is blurred" in text


def test_several_labels_are_named_as_decisions():
    run, target = make_report(Sample(labels=True))
    photo = combine_findings(run.dataset, None).photos[0]
    suspects = tuple(Suspect(row=0, suggested=index, score=0.1, neighbours=()) for index in range(2))
    rows = collect_inspection(make_findings(run, suspects=suspects, pairs=()), target)["suspects"]
    for index, (row, name) in enumerate(zip(rows, ("circle", "square"), strict=True)):
        words = [f"with {name}", f"without {name}"]
        assert [row["label"], row["suggested"]] == (words if photo.labels[index] else words[::-1])


def test_hostile_names_are_text():
    run, target = make_report(Sample(classes=HOSTILE, photos=60))
    text = render(make_findings(run), target)
    assert "<script" not in text and "&lt;script&gt;" in text and "\u202e" not in text
