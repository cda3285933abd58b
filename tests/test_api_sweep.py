"""`edgetl.sweep` has the options of the command line."""

import inspect as signatures
from types import SimpleNamespace

import pytest

import edgetl
from edgetl import api_sweep
from edgetl.core.errors import ConfigError
from edgetl.pipeline.options import SweepOptions, list_options

SMALL = {"bases": "mobilenet:0.25", "sides": "32,64", "weights": "none"}


def test_keywords_are_the_options_of_the_command_line():
    names = {name for name, _, _, _ in list_options(SweepOptions)}
    assert set(api_sweep.SweepKeywords.__annotations__) == names - {"photos"}
    assert set(signatures.signature(edgetl.sweep).parameters) == names | {"out", "overwrite", "quiet"}


def test_unknown_option_is_an_error(photos):
    with pytest.raises(ConfigError, match="unknown option 'teacher'"):
        edgetl.sweep(photos, teacher="mobilenet_v2")


def test_networks_are_those_of_the_options(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(api_sweep, "run_sweep", lambda context, plan: SimpleNamespace(context=context, plan=plan))
    swept = edgetl.sweep(photos, out=tmp_path / "sweep", quiet=True, limit_bytes="300k", **SMALL)
    assert [candidate.side_px for candidate in swept.plan.orders] == [32, 64]
    assert swept.plan.limit_bytes == 300_000 and swept.context.run.root == tmp_path / "sweep"
