"""bench: the bundle's own program is run here; what it says is passed on, and what it cannot do is an error."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.device import measurement
from edgetl.core.device.benchmark import BenchmarkRequest
from edgetl.core.errors import StageError
from edgetl.stages.bench import bench

QUICK = "import sys\nsys.argv += ['--runs', '20', '--seconds', '0', '--threads', '1']\n"


@pytest.fixture
def bundle(built, tmp_path):
    """The shared run's bundle, copied, in a hurry."""
    root = Path(shutil.copytree(built.bundle.root, tmp_path / "bundle"))
    program = root / "bench.py"
    lines = program.read_text(encoding="utf-8").replace(
        'if __name__ == "__main__":', f'{QUICK}if __name__ == "__main__":'
    )
    program.write_text(lines, encoding="utf-8")
    return built.bundle.model_copy(update={"root": root})


@pytest.fixture
def wanted(built, shared_dataset) -> BenchmarkRequest:
    return BenchmarkRequest(
        model_sha256=built.artifact.sha256,
        soak_s=0.0,
        classes=shared_dataset.classes,
        root=shared_dataset.root,
        photos=shared_dataset.test,
    )


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "made").mkdir()
    return tmp_path / "made"


def test_it_measures_and_scores_as_the_run_did(built, bundle, wanted, folder):
    before = {path: path.stat().st_mtime_ns for path in bundle.root.rglob("*")}
    said: list[str] = []
    made = bench(bundle, wanted, folder, said=said.append)
    assert said[0] == "invoke, 1 thread" and said[-1].startswith("accuracy on ")
    assert made.where == "host" and (folder / "measure.svg").is_file()
    measure = measurement.read_measurement(made.path, wanted.model_sha256)
    assert measure.accuracy is not None and measure.accuracy.accuracy.value == pytest.approx(
        built.verdict.accuracy, abs=1e-6
    )
    assert made.scores is not None
    name = f"score-tflite-{built.artifact.method}-xnnpack-test"
    np.testing.assert_allclose(np.load(made.scores.path), np.load(built.run / name / "scores.npy"), atol=1e-6)
    # Measuring leaves no trace in the bundle.
    assert {path: path.stat().st_mtime_ns for path in bundle.root.rglob("*")} == before


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("import sys; print('no golden photo', file=sys.stderr); sys.exit(2)", "could not measure: no golden photo"),
        ("import sys; sys.exit(3)", "could not measure: no message"),
        ("import os; os.abort()", "could not measure: killed by signal 6"),
        ("", "wrote no measure"),
    ],
)
def test_a_program_that_fails_is_an_error(bundle, wanted, folder, program, says):
    (bundle.root / "bench.py").write_text(program, encoding="utf-8")
    with pytest.raises(StageError, match=says):
        bench(bundle, wanted, folder, said=lambda _: None)


def test_a_measure_of_another_model_is_refused(bundle, wanted, folder, measure_json):
    text = json.dumps(json.dumps(measure_json))
    program = f"import sys, pathlib; pathlib.Path(sys.argv[2], 'measure.json').write_text({text})"
    (bundle.root / "bench.py").write_text(program, encoding="utf-8")
    with pytest.raises(StageError, match="a different model"):
        bench(bundle, wanted, folder, said=lambda _: None)
