"""chart.py: the SVG can be parsed, and nothing is outside of its frame."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from edgetl.core.evaluation.contract import PairCounts, decide_outcome
from edgetl.core.records import Artifact, CalibrationSet, Refusal, TensorSpec
from edgetl.core.report.chart import draw_drops
from edgetl.core.verdict_records import Verdict

SVG = "{http://www.w3.org/2000/svg}"
LIMIT = 0.01
PHOTOS = 500


def make_pair(method: str, broke: int, fixed: int) -> tuple[Artifact, Verdict]:
    decision = decide_outcome(PairCounts(broke, fixed, PHOTOS), LIMIT, confidence=0.95)
    tensor = TensorSpec(name="x", shape=(1,), dtype="uint8", scale=1.0, zero_point=0)
    artifact = Artifact(
        path=Path("/a/model.tflite"),
        format="tflite",
        method=method,
        input=tensor,
        output=tensor,
        operators={},
        tensor_dtypes={},
        bytes=1_500_000,
        sha256=method,
        trained_sha256="",
        gzip_bytes=5,
        sparsity=0.25,
        distinct_weights=9,
        agreement=1.0,
        refusal=Refusal(message="", hint=""),
        calibration=CalibrationSet(photos=0, sha256=""),
    )
    verdict = Verdict(
        method=method,
        artifact_sha256="",
        part="validation",
        photos=PHOTOS,
        reference_accuracy=0.9,
        accuracy=0.9 - decision.drop,
        reference_balanced_accuracy=0.9,
        balanced_accuracy=0.9 - decision.drop,
        broke=broke,
        fixed=fixed,
        drop=decision.drop,
        drop_low=decision.low,
        drop_high=decision.high,
        confidence=0.95,
        limit_drop=LIMIT,
        outcome=decision.outcome,
        photos_needed=decision.photos_needed,
        agreement=1 - (broke + fixed) / PHOTOS,
        worst_difference=0.0,
        reference_calibration_error=0.0,
        calibration_error=0.0,
        per_class=(),
        worst_class="",
        flips=(),
        hops=(),
        host_ms=1.0,
        counts=(),
        host_disturbed=False,
    )
    return artifact, verdict


@pytest.mark.parametrize(
    "pairs",
    [
        [make_pair("int8", 30, 2), make_pair("float16", 0, 0)],
        [make_pair("int8", 0, 40)],
        [make_pair("int8", 500, 0)],
        [make_pair("a <b> & c", 1, 1)],
    ],
)
def test_chart_can_be_parsed_and_everything_is_inside_its_frame(pairs):
    root = ElementTree.fromstring(draw_drops(pairs, "a <title> & more", chosen="int8"))
    width = float(root.get("viewBox").split()[2])
    dots = root.findall(f"{SVG}circle")
    assert len(dots) == len(pairs)
    assert all(0 < float(dot.get("cx")) < width for dot in dots)
    assert all(0 < float(line.get(x)) < width for line in root.findall(f"{SVG}line") for x in ("x1", "x2"))


def test_larger_drop_is_further_to_the_right():
    text = draw_drops([make_pair("int8", 60, 0), make_pair("float16", 0, 0)], "t", chosen="int8")
    large, none = ElementTree.fromstring(text).findall(f"{SVG}circle")
    assert float(large.get("cx")) > float(none.get("cx"))


def test_chart_contains_title_methods_outcomes_and_sizes():
    root = ElementTree.fromstring(
        draw_drops([make_pair("int8", 60, 0), make_pair("float16", 0, 0)], "a title", chosen="int8")
    )
    texts = [element.text for element in root.findall(f"{SVG}text")]
    assert texts[0] == "a title" and "limit 1" in texts
    assert texts.index("int8") < texts.index("float16")
    assert "+12.00  FAIL  1.50 MB  ← chosen" in texts and "+0.00  PASS  1.50 MB" in texts


def test_row_of_the_chosen_file_is_marked():
    pairs = [make_pair("int8", 60, 0), make_pair("float16", 0, 0)]
    root = ElementTree.fromstring(draw_drops(pairs, "t", chosen="float16"))
    bold = [text.text for text in root.findall(f"{SVG}text") if text.get("font-weight") == "bold"]
    assert bold == ["t", "float16"]
    (mark,) = [text for text in root.findall(f"{SVG}text") if "chosen" in text.text]
    _, band = root.findall(f"{SVG}rect")
    top = float(band.get("y"))
    assert top < float(mark.get("y")) < top + float(band.get("height")) and mark.text.startswith("+0.00")


@pytest.mark.parametrize("text", ["\x1b[31m", "\x9b", "a\rb", "\u202ecod", "\x00"])
def test_control_characters_are_escaped(text):
    """XML has none of them, and a model of a stranger may have any name."""
    svg = draw_drops([make_pair(text, 1, 1)], text, chosen="")
    ElementTree.fromstring(svg)
    assert text not in svg and svg.count(text.encode("unicode_escape").decode()) == 2


def test_chart_names_balanced_accuracy():
    artifact, verdict = make_pair("int8", 3, 2)
    svg = draw_drops([(artifact, verdict.model_copy(update={"measure": "balanced"}))], "title", chosen="")
    assert "balanced accuracy lost against Keras" in svg
