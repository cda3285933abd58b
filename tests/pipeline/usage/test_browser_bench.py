"""The measurement of a run in a browser: labels are compared with those of the host, and the result is kept."""

import dataclasses
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from edgetl.core.device import judges
from edgetl.core.device.browser.browser_measurement import BrowserMeasurement
from edgetl.core.errors import MissingPackage
from edgetl.pipeline.usage import browser_bench
from tests.core.device.browser.test_browser_measurement import make_measurement


def set_absence(monkeypatch, sentence, judge="browser"):
    row = dataclasses.replace(judges.JUDGES[judge], explain_absence=lambda: sentence)
    monkeypatch.setitem(judges.JUDGES, judge, row)


def test_labels_are_compared_with_those_of_the_host(pipeline, monkeypatch):
    artifact = pipeline.files.make("tflite", "int8")
    set_absence(monkeypatch, "")
    parts = pipeline.for_target(pipeline.context.order.targets[0])
    host = np.load(parts.delivery.score_on_host(artifact).path).argmax(axis=1)
    labels = host.tolist()
    labels[0] = 1 - labels[0]

    def bench(artifact, photos, paths, advance):
        assert len(photos) == len(paths) and all(path.is_file() for path in paths)
        advance(len(paths))
        return make_measurement(photos=len(paths), model_sha256=artifact.sha256), labels

    monkeypatch.setitem(sys.modules, "edgetl.engines.browser.bench", SimpleNamespace(bench_in_browser=bench))
    measurement, host_ms = browser_bench.measure_in_browser(parts, artifact)
    assert measurement.same_label == len(host) - 1 and host_ms > 0
    assert pipeline.context.read_kept(browser_bench.STAGE, BrowserMeasurement) == measurement


def test_missing_browser_is_an_error_with_the_command(pipeline, monkeypatch):
    set_absence(monkeypatch, "no browser was found")
    parts = pipeline.for_target(pipeline.context.order.targets[0])
    with pytest.raises(MissingPackage, match="no browser was found") as error:
        browser_bench.measure_in_browser(parts, pipeline.files.make("tflite", "int8"))
    assert "edgetl[browser]" in error.value.hint


def test_an_onnx_file_needs_its_own_runtime(pipeline, monkeypatch):
    set_absence(monkeypatch, "")
    set_absence(monkeypatch, "the runtime is not fetched", "browser-onnx")
    parts = pipeline.for_target(pipeline.context.order.targets[0])
    artifact = pipeline.files.make("tflite", "int8").model_copy(update={"format": "onnx"})
    with pytest.raises(MissingPackage, match="the runtime is not fetched"):
        browser_bench.measure_in_browser(parts, artifact)
