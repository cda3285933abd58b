"""edgetl sweep prints a table and the bundle, or JSON, and exits with 1 where the contract is broken."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgetl.cli import run
from edgetl.pipeline.sweep import sweep_run
from edgetl.pipeline.sweep.sweep_run import Swept
from tests.fixtures.sweeps import make_result


@pytest.fixture
def plans(monkeypatch, tmp_path, photos):
    """The plans of the sweeps that commands run; the results are prepared, with a verdict that may be broken."""
    seen = []

    def run_sweep(context, plan):
        seen.append(plan)
        failed = plan.limit_ms == 1.0
        verdict = SimpleNamespace(bundle=tmp_path)
        delivered = SimpleNamespace(target="tflite", verdict=verdict, unmet="too large" if failed else "")
        built = SimpleNamespace(
            run=tmp_path / "run", bundle=SimpleNamespace(root=tmp_path / "bundle"), targets=(delivered,)
        )
        return Swept(root=context.run.root, result=make_result(), built=built, page=Path("sweep.html"))

    monkeypatch.setattr(sweep_run, "run_sweep", run_sweep)
    monkeypatch.setattr("edgetl.core.evaluation.acceptance.explain_failure", lambda *_, **__: "")
    return seen


@pytest.fixture
def command(photos, tmp_path):
    """The command line of a small sweep."""
    options = ["--bases", "mobilenet:0.25", "--sides", "32", "--weights", "none", "--out", str(tmp_path / "sweep")]
    return ["sweep", str(photos), *options]


def test_table_and_sentences_are_printed_and_the_bundle_is_the_result(command, plans, capfd, tmp_path):
    assert run(command) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{tmp_path / 'bundle'}\n"
    assert "mobilenet-0.25-96" in printed.err and "luck of the choice" in printed.err
    assert "next: edgetl report runs/a --open" in printed.err
    assert max(map(len, printed.err.splitlines())) <= 200 and len(plans) == 1


def test_json_has_the_rows_and_the_choice(command, plans, capfd):
    assert run([*command, "--json", "--quiet"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["choice"]["name"] == "mobilenet-0.25-96" and len(record["rows"]) == 3 and record["page"]


def test_exceeded_limit_is_exit_code_1(command, plans, capfd):
    assert run([*command, "--limit-ms", "1"]) == 1
    assert "too large" in capfd.readouterr().err


def test_wrong_options_are_exit_code_2(command, photos, capfd):
    assert run([*command, "--budget", "soon"]) == 2
    assert run([*command, "--photos", str(photos)]) == 2
    assert "--budget soon is no duration" in capfd.readouterr().err
