"""Markdown of a comparison: names of strangers are text, and lists are bounded."""

from edgetl.core.comparison.comparison_markdown import render_comparison_markdown
from edgetl.core.comparison.run_comparison import compare_runs
from tests.fixtures.comparisons import make_compared, spoil
from tests.fixtures.reports import HOSTILE, Sample


def test_comparison_has_its_tables_and_the_photos():
    runs = [make_compared("a", epochs="3"), spoil(make_compared("b", epochs="4"), range(40))]
    text = render_comparison_markdown(compare_runs(runs))
    assert "| epochs | 3 | 4 |" in text and "| lower |" in text
    assert "With a confidence of 95%, the interval contains the true difference." in text
    heading = next(line for line in text.splitlines() if line.startswith("## Only `a` is right"))
    assert "b against a, tflite" in heading
    assert "more\n" in text and text.count("\n- ") <= 2 * 21


def test_names_of_strangers_are_text():
    sample = Sample(classes=HOSTILE)
    runs = [make_compared("| a `x`", sample=sample), spoil(make_compared("<b>", sample=sample), range(30))]
    text = render_comparison_markdown(compare_runs(runs))
    for line in text.splitlines():
        if line.startswith("|"):
            assert "<" not in line and "`" not in line
    assert "<b>" not in text.replace("`<b>`", "").replace("<b>bold</b>", "") and "\u202e" not in text


def test_runs_that_are_alike_have_no_list():
    text = render_comparison_markdown(compare_runs([make_compared("a"), make_compared("b")]))
    assert "What differs" not in text and "Only" not in text
