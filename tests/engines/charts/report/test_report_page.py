"""The page of a report: hostile names, few and many classes, several targets; and what a browser makes of it."""

import asyncio
import itertools
import re
import time
import tracemalloc
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from edgetl.core.inspection.photo_findings import combine_findings
from edgetl.engines.charts.report.report_page import render_report_page, write_report_page
from tests.fixtures.browser import CHROMIUM, open_file
from tests.fixtures.devices import make_measurement
from tests.fixtures.reports import HOSTILE, Sample, add_measurements, make_report

ALL = {
    *("glance", "classes", "changed_photos", "ladder", "ledger", "layers", "reliability", "answers", "devices"),
    *("photos", "training", "repeat"),
}


class Tags(HTMLParser):
    """Collects the tags of a page, and checks that they are nested as they should be."""

    VOID = frozenset({"meta", "img", "circle", "image", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def render(sample, measured=()):
    """Return the page of a sample, its tags with their attributes, and the names of its sections."""
    run, target = make_report(sample)
    page, names = render_report_page(run, (add_measurements(target, measured),), "1")
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return page, tags.attributes, names


@pytest.fixture(scope="module")
def hostile():
    """The page of a report with hostile names. No test changes what it returns."""
    measurement = make_measurement()
    measurement["board"] |= {"name": HOSTILE[0], "system": HOSTILE[1]}
    measurement |= {"valid": False, "reasons": [HOSTILE[0]], "unwatched": {HOSTILE[0]: "x"}}
    return render(Sample(classes=HOSTILE, photos=100), [(HOSTILE[0], measurement)])


def test_hostile_names_are_text(hostile):
    page, tags, names = hostile
    assert set(names) == ALL
    assert not {"script", "iframe", "object", "embed", "link", "base", "form", "b"} & {tag for tag, _ in tags}
    for _, attributes in tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/webp;base64,"))
    assert "\u202e" not in page and "&lt;script&gt;" in page


def test_page_names_nothing_in_the_network(hostile):
    page = re.sub(r"data:image/webp;base64,[A-Za-z0-9+/=]*", "", hostile[0])
    # Names of XML, which no browser opens, and the name of a class.
    page = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page).replace("http://evil.example", "")
    assert "//" not in page


def test_pictures_and_charts_have_words(hostile):
    _, tags, _ = hostile
    assert all(attributes["alt"] for tag, attributes in tags if tag == "img")
    assert all(attributes["aria-label"] for tag, attributes in tags if tag == "svg")


def test_names_of_elements_are_unique_and_links_lead_to_them(hostile):
    _, tags, _ = hostile
    names = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(names) == len(set(names))
    links = {attributes["href"][1:] for tag, attributes in tags if tag == "a"}
    assert links <= set(names) and links >= ALL


@pytest.mark.parametrize(
    "sample",
    [
        Sample(classes=("a", "b")),
        Sample(without=1),
        Sample(changed=0.0),
        Sample(wrong=0.0, changed=0.0),
        Sample(photos=3),
        Sample(labels=True),
    ],
)
def test_every_kind_of_run_has_a_page(sample):
    _, _, names = render(sample)
    assert set(names) == ALL - {"devices"}


def test_sections_without_results_are_left_out():
    run, target = make_report()
    bare = replace(target, layers=(), answers=())
    untrained = replace(run, trained=run.trained.model_copy(update={"phases": ()}))
    _, names = render_report_page(untrained, (bare,), "1")
    assert set(names) == ALL - {"devices", "layers", "answers", "training"}


def test_several_targets_have_their_own_sections_and_share_the_rest():
    run, target = make_report()
    other = replace(target, result=target.result.model_copy(update={"target": "onnx"}))
    page, names = render_report_page(run, (target, other), "1")
    assert [page.count(f'id="{name}"') for name in ("glance", "glance-2", "training", "training-2")] == [1, 1, 1, 0]
    assert set(names) == ALL - {"devices"} and names[-1] == "repeat"


def test_photos_are_shown_once_before_the_first_target():
    run, target = make_report()
    run = replace(run, findings=combine_findings(run.dataset, None))
    other = replace(target, result=target.result.model_copy(update={"target": "onnx"}))
    page, names = render_report_page(run, (target, other), "1")
    assert names[0] == "inspection" and page.count('id="inspection"') == 1 and 'id="inspection-2"' not in page
    assert page.index('id="inspection"') < page.index('id="glance"')
    # The verdict of each target is above all sections.
    assert page.count('<a href="#glance">') == 2 and page.count('<a href="#glance-2">') == 2


def test_pictures_beyond_the_budget_are_counted():
    run, target = make_report()
    run.thumbnails._rest = 2000
    page, _ = render_report_page(run, (target,), "1")
    assert "pictures are left out, so that the page stays small." in page


def test_300_classes_have_a_page_below_5_mb():
    page, _, _ = render(Sample(classes=tuple(f"{number} {HOSTILE[number % 5]}" for number in range(300)), photos=3000))
    assert len(page.encode()) < 5_000_000


@pytest.mark.slow
def test_20000_photos_take_seconds_and_little_memory():
    run, target = make_report(Sample(classes=tuple(f"c{number}" for number in range(100)), photos=20_000))
    tracemalloc.start()
    start = time.process_time()
    page, _ = render_report_page(run, (target,), "1")
    seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 10 and peak < 200_000_000 and len(page.encode()) < 5_000_000


def test_page_is_written(tmp_path):
    run, target = make_report()
    names = write_report_page(tmp_path / "report.html", run, (target,), "1")
    assert names[0] == "glance" and (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_same_facts_give_the_same_page():
    pages = []
    for _ in range(2):
        run, target = make_report()
        pages.append(render_report_page(run, (target,), "1"))
    assert pages[0] == pages[1]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("classes", [("a", "b"), HOSTILE, tuple(f"class {number}" for number in range(300))])
def test_browser_shows_the_page_on_phones_screens_and_paper(classes, measure_json, tmp_path):
    page, _, _ = render(Sample(classes=classes, photos=10 * len(classes)), [("pi@a", measure_json)])
    (tmp_path / "report.html").write_text(page, encoding="utf-8")

    async def check():
        async with open_file(tmp_path / "report.html", tmp_path / "profile") as shown:
            text = await shown.evaluate("document.body.innerText")
            assert HOSTILE[0] in text and await shown.evaluate("document.scripts.length") == 0
            for width, scheme in itertools.product((390, 768, 1440), ("light", "dark")):
                await shown.resize(width, scheme)
                # Wide tables scroll by themselves, and the page does not.
                assert await shown.evaluate("document.documentElement.scrollWidth") == width
                await shown.save_screenshot(f"report-{len(classes)}-{width}-{scheme}")
            assert (await shown.print_pdf()).startswith(b"%PDF")
            return shown.errors, shown.requests

    assert asyncio.run(check()) == ([], [])
