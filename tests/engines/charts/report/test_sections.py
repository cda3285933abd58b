"""Each row of the table has a template, and no two have the same name."""

from pathlib import Path

import edgetl.core.pages
from edgetl.engines.charts.report.sections import SECTIONS
from tests.fixtures.reports import make_report

TEMPLATES = Path(edgetl.core.pages.__file__).parent / "templates" / "report"


def test_sections_and_templates_are_the_same():
    names = [section.name for section in SECTIONS]
    assert sorted(names) == sorted(path.stem for path in TEMPLATES.glob("*.html"))
    assert len({section.title for section in SECTIONS}) == len(names)


def test_photos_are_the_first_and_the_last_repeats_the_build():
    assert [SECTIONS[0].name, SECTIONS[1].name, SECTIONS[-1].name] == ["inspection", "glance", "repeat"]


def test_charts_are_drawn_from_collected_values():
    run, target = make_report()
    drawn = {
        section.name: section.draw(section.collect(run, target), section.name) for section in SECTIONS if section.draw
    }
    assert set(drawn) == {"ladder", "reliability", "answers", "training"}
    assert all(chart.startswith("<svg") for charts in drawn.values() for chart in charts.values())
