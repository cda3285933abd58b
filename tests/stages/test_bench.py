"""The measurement on this machine: the bundle's bench.py runs, and its failures are errors."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.device.benchmark import BenchmarkRequest
from edgetl.core.device.measurement import read_measurement
from edgetl.core.errors import StageError
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.stages.bench import bench_bundle
from tests.fixtures.signals import interrupt_later

FEW_RUNS = "import sys\nsys.argv += ['--runs', '20', '--seconds', '0', '--threads', '1']\n"


@pytest.fixture
def bundle(delivered, tmp_path):
    """A copy of the shared run's bundle, with a bench.py that measures few runs."""
    root = Path(shutil.copytree(delivered.bundle.root, tmp_path / "bundle"))
    program = root / "bench.py"
    start = 'if __name__ == "__main__":'
    program.write_text(program.read_text(encoding="utf-8").replace(start, FEW_RUNS + start), encoding="utf-8")
    return delivered.bundle.model_copy(update={"root": root})


@pytest.fixture
def request_(delivered, shared_dataset) -> BenchmarkRequest:
    return BenchmarkRequest(
        model_sha256=delivered.artifact.sha256,
        soak_s=0.0,
        classes=shared_dataset.classes,
        root=shared_dataset.root,
        photos=shared_dataset.test,
    )


def test_bundle_is_measured_and_scores_what_the_run_scored(built, delivered, bundle, request_, make_work):
    before = {path: path.stat().st_mtime_ns for path in bundle.root.rglob("*")}
    stream = io.StringIO()
    work = make_work(Console(stream=stream))
    result = bench_bundle(work, bundle, request_)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "invoke, 1 thread" and lines[-1].startswith("accuracy on ")
    assert result.where == "host" and (work.folder / "measure.svg").is_file()
    measurement = read_measurement(result.path, request_.model_sha256)
    assert measurement.accuracy is not None
    assert measurement.accuracy.accuracy.value == pytest.approx(delivered.verdict.accuracy, abs=1e-6)
    assert result.scores is not None
    name = f"score-tflite-{delivered.artifact.method}-xnnpack-test"
    np.testing.assert_allclose(np.load(result.scores.path), np.load(built.run / name / "scores.npy"), atol=1e-6)
    # Measuring writes nothing into the bundle.
    assert {path: path.stat().st_mtime_ns for path in bundle.root.rglob("*")} == before


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import sys; print('no golden photo', file=sys.stderr); sys.exit(2)", "could not measure: no golden photo"),
        ("import sys; sys.exit(3)", "could not measure: no message"),
        ("import os; os.abort()", "could not measure: killed by signal 6"),
        ("", "wrote no measure.json"),
    ],
)
def test_program_that_fails_is_an_error(bundle, request_, work, program, message):
    (bundle.root / "bench.py").write_text(program, encoding="utf-8")
    with pytest.raises(StageError, match=message):
        bench_bundle(work, bundle, request_)


def test_program_is_ended_by_a_signal(bundle, request_, work):
    (bundle.root / "bench.py").write_text("import time; time.sleep(600)", encoding="utf-8")
    with watch_signals(), pytest.raises(Interrupted):
        interrupt_later()
        bench_bundle(work, bundle, request_)


def test_measurement_of_another_model_is_refused(bundle, request_, work, measure_json):
    text = json.dumps(json.dumps(measure_json))
    program = f"import sys, pathlib; pathlib.Path(sys.argv[2], 'measure.json').write_text({text})"
    (bundle.root / "bench.py").write_text(program, encoding="utf-8")
    with pytest.raises(StageError, match="a different model"):
        bench_bundle(work, bundle, request_)
