"""edgetl report --robustness measures a finished run, once."""

import json
import shutil
from dataclasses import replace

import pytest

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.photos import pixel_store
from edgetl.pipeline import stages
from edgetl.pipeline.pages import robustness as pages
from edgetl.pipeline.pages.robustness import add_robustness
from tests.fixtures.robustness import make_robustness

RESULTS = {"clean": (90, 0), "dark": (70, 4)}


@pytest.fixture
def measured(monkeypatch):
    """A result in place of that of the stage; lists the requests."""
    requests = []

    def measure(work, request):
        requests.append(request)
        return make_robustness(RESULTS).model_copy(update={"artifact_sha256": request.artifact.sha256})

    measure.__module__, measure.__name__ = "edgetl.stages.pages.robustness", "measure_robustness"
    monkeypatch.setattr(stages.robustness, "measure_robustness", measure, raising=False)
    return requests


def test_result_is_a_stage_and_is_read_back(context, delivered, measured):
    context, root = replace(context, makes=frozenset()), context.run.root
    for _ in range(2):
        results = add_robustness(context)
    assert list(results) == ["tflite"] and len(measured) == 1
    request = measured[0]
    assert request.artifact == delivered.artifact.model_copy(update={"path": request.artifact.path})
    assert request.kernels == "xnnpack" and request.confidence == context.order.recipe.contract.confidence
    stored = json.loads((root / "robustness-tflite" / "robustness.json").read_text())
    assert stored["record"]["photos"] == 100


def test_other_stages_are_not_made(context, measured):
    shutil.rmtree(context.run.root / "results")
    with pytest.raises(ConfigError, match="no finished stage results") as caught:
        add_robustness(context)
    assert "edgetl build" in caught.value.hint and not measured


def test_file_that_is_gone_is_an_error(context, delivered, measured):
    (context.run.root / f"features-tflite-{delivered.artifact.method}").rename(context.run.root / "elsewhere")
    with pytest.raises(ConfigError, match="not in the run folder any more"):
        add_robustness(context)


def test_photos_are_decoded_again_if_they_are_not_in_the_cache(context, shared_dataset, built, monkeypatch, measured):
    calls = []
    opened = pixel_store.open_pixels

    def open_once(sha256s, spec):
        calls.append("open")
        if len(calls) == 1:
            raise DataError("not in the cache")
        return opened(sha256s, spec)

    monkeypatch.setattr(pages.pixel_store, "open_pixels", open_once)
    add_robustness(context)
    assert calls == ["open", "open"] and len(measured) == 1


def test_photos_that_are_gone_are_an_error(context, monkeypatch, measured):
    def fail(*_):
        raise DataError("not in the cache")

    monkeypatch.setattr(pages.pixel_store, "open_pixels", fail)
    with pytest.raises(DataError, match="needs the validation photos"):
        add_robustness(context)
    assert not measured
