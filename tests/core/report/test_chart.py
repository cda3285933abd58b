"""picture.py: an SVG that can be parsed and in which nothing leaves the frame."""

from xml.etree import ElementTree

import pytest

from edgetl.core.evaluation.contract import decide_outcome
from edgetl.core.records import Artifact, CalibrationSet, Refusal, TensorSpec, Verdict
from edgetl.core.report import chart

SVG = "{http://www.w3.org/2000/svg}"


def pair(method, broke, fixed, photos=500, limit=0.01):
    decision = decide_outcome(broke, fixed, photos, limit, confidence=0.95)
    end = TensorSpec(name="x", shape=(1,), dtype="uint8", scale=1.0, zero_point=0)
    artifact = Artifact(
        path="/a/model.tflite",
        format="tflite",
        method=method,
        input=end,
        output=end,
        operators={},
        tensor_dtypes={},
        bytes=1_500_000,
        sha256="",
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
        photos=photos,
        reference_accuracy=0.9,
        accuracy=0.9 - decision.drop,
        broke=broke,
        fixed=fixed,
        drop=decision.drop,
        drop_low=decision.low,
        drop_high=decision.high,
        confidence=0.95,
        limit_drop=limit,
        outcome=decision.outcome,
        photos_needed=decision.photos_needed,
        agreement=1 - (broke + fixed) / photos,
        reference_calibration_error=0.0,
        calibration_error=0.0,
        per_class=(),
        worst_class="",
        flips=(),
        hops=(),
        host_ms=1.0,
    )
    return artifact, verdict


@pytest.mark.parametrize(
    "pairs",
    [
        [pair("int8", 30, 2), pair("float16", 0, 0)],
        [pair("int8", 0, 40)],
        [pair("int8", 500, 0)],
        [pair("a <b> & c", 1, 1)],
    ],
)
def test_it_parses_and_stays_in_its_frame(pairs):
    root = ElementTree.fromstring(chart.draw_drops(pairs, "a <title> & more"))
    width = float(root.get("viewBox").split()[2])
    dots = root.findall(f"{SVG}circle")
    assert len(dots) == len(pairs)
    assert all(0 < float(dot.get("cx")) < width for dot in dots)
    assert all(0 < float(line.get(x)) < width for line in root.findall(f"{SVG}line") for x in ("x1", "x2"))


def test_worse_stands_further_right_and_the_outcome_is_written():
    text = chart.draw_drops([pair("int8", 60, 0), pair("float16", 0, 0)], "t")
    worse, better = ElementTree.fromstring(text).findall(f"{SVG}circle")
    assert float(worse.get("cx")) > float(better.get("cx"))
    assert "FAIL" in text
