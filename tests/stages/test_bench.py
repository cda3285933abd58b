"""The measurement on this machine: the bundle's bench.py runs, and its failures are errors."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.device import bundle_files
from edgetl.core.device.benchmark import BenchmarkRequest
from edgetl.core.device.measurement import read_measurement
from edgetl.core.errors import StageError
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.core.records import Bundle
from edgetl.core.storage.files import hash_file
from edgetl.stages.bench import bench_bundle
from tests.fixtures.signals import interrupt_later

FEW_RUNS = "import sys\nsys.argv += ['--runs', '20', '--seconds', '0', '--threads', '1']\n"


def replace_program(bundle: Bundle, name: str, text: str) -> Bundle:
    """Replace a program, as a build with another payload would: checksums and record match it."""
    (bundle.root / name).write_text(text, encoding="utf-8")
    files = {**bundle.files, name: hash_file(bundle.root / name)}
    del files[bundle_files.CHECKSUMS]
    (bundle.root / bundle_files.CHECKSUMS).write_text(bundle_files.format_checksums(files), encoding="ascii")
    files[bundle_files.CHECKSUMS] = hash_file(bundle.root / bundle_files.CHECKSUMS)
    return bundle.model_copy(update={"files": files})


@pytest.fixture
def bundle(delivered, tmp_path) -> Bundle:
    """A copy of the shared run's bundle, with a bench.py that measures few runs."""
    root = Path(shutil.copytree(delivered.bundle.root, tmp_path / "bundle"))
    start = 'if __name__ == "__main__":\n    if signal'
    text = (root / "bench.py").read_text(encoding="utf-8")
    assert start in text
    copy = delivered.bundle.model_copy(update={"root": root})
    return replace_program(copy, "bench.py", text.replace(start, FEW_RUNS + start))


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
    with pytest.raises(StageError, match=message):
        bench_bundle(work, replace_program(bundle, "bench.py", program), request_)


def test_no_program_of_a_changed_bundle_runs(bundle, request_, work, tmp_path):
    trap = f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()"
    for name in ("bench.py", "selfcheck.py", "check_files.py"):
        (bundle.root / name).write_text(trap, encoding="utf-8")
    with pytest.raises(StageError, match="the bundle changed since it was made"):
        bench_bundle(work, bundle, request_)
    assert not (tmp_path / "ran").exists()


def test_file_that_is_not_part_of_the_bundle_is_refused(bundle, request_, work):
    (bundle.root / "json.py").write_text("raise SystemExit(0)", encoding="utf-8")
    with pytest.raises(StageError, match=r"FAIL  files .*json\.py: a file that is not part of the bundle"):
        bench_bundle(work, bundle, request_)


@pytest.mark.parametrize("program", ["", "print('This device computes what the build computed.')"])
def test_self_check_without_the_closing_line_is_an_error(bundle, request_, work, program):
    with pytest.raises(StageError, match="this machine does not compute what the build computed: the last line"):
        bench_bundle(work, replace_program(bundle, "selfcheck.py", program), request_)


def test_program_is_ended_by_a_signal(bundle, request_, work):
    sleeping = replace_program(bundle, "bench.py", "import time; time.sleep(600)")
    with watch_signals(), pytest.raises(Interrupted):
        interrupt_later()
        bench_bundle(work, sleeping, request_)


def test_measurement_of_another_model_is_refused(bundle, request_, work, measure_json):
    text = json.dumps(json.dumps(measure_json))
    program = f"import sys, pathlib; pathlib.Path(sys.argv[2], 'measure.json').write_text({text})"
    with pytest.raises(StageError, match="a different model"):
        bench_bundle(work, replace_program(bundle, "bench.py", program), request_)
