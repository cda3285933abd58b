"""The page of an inspection: hostile names, many classes, many photos."""

import re
import shutil
import subprocess
import time
import tracemalloc
from html.parser import HTMLParser

import numpy as np
import pytest

from edgetl.core.inspection.findings import BadPhoto, Inspection, MapPoint, Suspect
from edgetl.core.inspection.page_values import collect_values
from edgetl.core.pages.page import render_page
from edgetl.core.pages.thumbnails import Thumbnails
from edgetl.core.records import Photo

HOSTILE = "<script>alert(1)</script>"
WORDS = {"title": HOSTILE, "suspects_file": '"a" <b>.csv', "command": "edgetl build 'x y'", "version": "0", "chart": ""}


@pytest.fixture
def render():
    def render(inspection, photos, pixels=None):
        noise = np.random.default_rng(1).integers(0, 256, (16, 160, 160, 3), dtype=np.uint8)
        thumbnails = Thumbnails(lambda rows: noise[np.array(rows) % 16])
        return render_page("inspection.html", {**collect_values(inspection, photos, thumbnails), **WORDS})

    return render


class Tags(HTMLParser):
    """Collects the tags of a page, and checks that they are nested as they should be."""

    VOID = frozenset({"meta", "img", "circle", "image", "br"})

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def parse(page):
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    return tags


def test_hostile_names_are_text(render, inspection, photos):
    tags = parse(render(inspection, photos))
    assert not {"script", "iframe", "object", "embed", "link", "base", "form", "b"} & set(tags.tags)
    for _, attributes in tags.attributes:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/webp;base64,"))


def test_page_names_nothing_in_the_network(render, inspection, photos):
    page = re.sub(r"data:image/webp;base64,[A-Za-z0-9+/=]*", "", render(inspection, photos))
    assert "//" not in page


def test_command_is_shown_whole(render, inspection, photos, monkeypatch):
    command = f"edgetl build {'x' * 400} --exclude a.csv"
    monkeypatch.setitem(WORDS, "command", command)
    assert command in render(inspection, photos)


def test_pictures_have_words_and_names_have_no_control_characters(render, inspection, photos):
    page = render(inspection, photos)
    tags = parse(page)
    assert all(attributes["alt"] for tag, attributes in tags.attributes if tag == "img")
    assert "\u202e" not in page and "&lt;script&gt;" in page


def test_inspection_without_findings_has_a_page(render, photos):
    empty = Inspection(classes=("a", "b"), counts=(4, 4), accuracy=1.0, recalls=(1.0, 1.0), suspects=())
    assert render(empty, photos).count("None found.") == 3


def make_large(count, classes):
    photos = tuple(
        Photo(path=f"class {row % classes}/{'x' * 100}{row}.jpg", label=row % classes, sha256=f"{row:064x}")
        for row in range(count)
    )
    names = tuple(f"class {number} {HOSTILE}" for number in range(classes))
    inspection = Inspection(
        classes=names,
        counts=(count // classes,) * classes,
        accuracy=0.5,
        recalls=(0.5,) * classes,
        suspects=tuple(Suspect(row=row, suggested=0, score=0.1, neighbours=(1, 2, 3, 4)) for row in range(1000)),
        bad_photos=tuple(BadPhoto(row=row, problem="dark", detail="dark") for row in range(1000)),
        groups=tuple((row, row + 1, row + 2) for row in range(0, 3000, 3)),
        points=tuple(MapPoint(row=row, x=0.5, y=0.5, outlier=row % 50 == 0) for row in range(1000)),
    )
    return inspection, photos


def test_300_classes_have_a_page_below_5_mb(render):
    page = render(*make_large(3000, 300))
    parse(page)
    assert page.count("<meter") == 300 and len(page.encode()) < 5_000_000


def test_20000_photos_take_seconds_and_little_memory(render):
    large = make_large(20_000, 10)
    tracemalloc.start()
    start = time.process_time()
    page = render(*large)
    seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 10 and peak < 200_000_000 and len(page.encode()) < 5_000_000


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [390, 768, 1440])
def test_browser_shows_hostile_names_as_text_and_reports_nothing(render, inspection, photos, tmp_path, width):
    (tmp_path / "page.html").write_text(render(inspection, photos), encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    command += [f"--window-size={width},900", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, f"file://{tmp_path / 'page.html'}"], capture_output=True, text=True, timeout=120, check=True
    )
    assert "<bdi>&lt;b&gt;cats &amp; dogs&lt;/b&gt;</bdi>" in done.stdout and "<script" not in done.stdout
    # A refused style, script or request is a line of the console.
    assert "CONSOLE" not in done.stderr


def test_photos_with_several_labels_have_a_page(inspection, photos, render):
    several = [photo.model_copy(update={"labels": (1, row % 2), "label": 1}) for row, photo in enumerate(photos)]
    # A photo without a label has the number of labels as its class.
    several[0] = several[0].model_copy(update={"labels": (0, 0), "label": 2})
    page = render(inspection.model_copy(update={"pairs": (), "curves": (), "shortcuts": ()}), several)
    tags = parse(page)
    assert "with 2 labels" in page and "no label" in page and "table" in tags.tags
    assert "Not looked for: a photo with two labels" in page and page.count("Not computed for photos with") == 2
    assert "with &#34;dogs&#34;" in page and "\u202e" not in page
