"""The page that compares runs: hostile names are text, and lists are bounded."""

import asyncio
import re
from html.parser import HTMLParser

import pytest

from edgetl.core.comparison.run_comparison import compare_runs
from edgetl.engines.charts.comparison.comparison_page import render_comparison_page, write_comparison_page
from tests.fixtures.browser import CHROMIUM, open_file
from tests.fixtures.comparisons import make_compared, spoil
from tests.fixtures.reports import HOSTILE, Sample


class Tags(HTMLParser):
    """Collects the tags of a page with the names of their attributes."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def handle_starttag(self, tag, attrs):
        self.rows.append((tag, [name for name, _ in attrs]))


def render(*runs):
    return render_comparison_page(compare_runs(runs), runs[0].facts, "1.0")


def test_page_shows_rows_pairs_differences_and_photos():
    page = render(make_compared("a", epochs="3"), spoil(make_compared("b", epochs="4"), range(45)))
    assert "<svg" in page and "lower" in page and "data:image/webp" in page
    assert re.search(r"epochs</th><td>3</td><td>4</td>", page)
    assert "Only <bdi>a</bdi> is right" in page
    # 24 of them: the rest is counted.
    assert page.count('class="card change"') <= 48 and "more are not shown" in page


def test_names_of_strangers_are_text():
    sample = Sample(classes=HOSTILE)
    names = ("<script>a</script>", '" onload="x')
    page = render(make_compared(names[0], sample=sample), spoil(make_compared(names[1], sample=sample), range(30)))
    tags = Tags()
    tags.feed(page)
    assert "script" not in {name for name, _ in tags.rows} and "\u202e" not in page
    assert not [name for _, attributes in tags.rows for name in attributes if name.startswith("on")]


def test_page_of_runs_without_a_common_photo_says_so():
    page = render(make_compared("a"), make_compared("b", sample=Sample(classes=("x", "y"))))
    assert "not comparable" in page and "<svg" not in page and 'class="card change"' not in page


def test_page_of_labels_names_the_label_that_is_decided():
    sample = Sample(labels=True)
    first = make_compared("a", sample=sample)
    second = make_compared("b", sample=sample)
    second.targets[0].artifact[:] = 1 - second.targets[0].artifact
    page = render(first, second)
    assert "present" in page and "absent" in page and "decisions" in page


def test_twenty_runs_of_many_photos_stay_small():
    runs = [make_compared(f"runs/{number}", sample=Sample(photos=400)) for number in range(20)]
    page = render(runs[0], *(spoil(run, range(300)) for run in runs[1:]))
    assert len(page) < 5_000_000


@pytest.mark.skipif(not CHROMIUM, reason="needs the browser chromium")
def test_page_fits_a_phone_and_asks_for_nothing(tmp_path):
    path = tmp_path / "comparison.html"
    first = make_compared("edgetl-runs/flowers5-first", epochs="3")
    second = spoil(make_compared("edgetl-runs/flowers5-second", epochs="4"), range(10))
    write_comparison_page(path, compare_runs([first, second]), first.facts, "1.0")

    async def look() -> None:
        async with open_file(path, tmp_path / "profile") as page:
            for width, scheme in ((390, "light"), (768, "dark"), (1440, "light")):
                await page.resize(width, scheme)
                await page.save_screenshot(f"comparison-{width}-{scheme}")
                assert await page.evaluate("document.documentElement.scrollWidth") <= width
            assert (page.requests, page.errors) == ([], [])

    asyncio.run(look())
