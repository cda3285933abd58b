"""The child process with Keras 2: describes a model, predicts photos, and reports what is wrong with a file."""

import json
import subprocess
import sys
from typing import Any

import numpy as np

from edgetl.engines.keras2_graph import load_graph


def run(path: str, folder: str) -> dict[str, Any]:
    import pathlib

    from edgetl.engines.keras2.__main__ import run_keras2_job

    return run_keras2_job(pathlib.Path(path), pathlib.Path(folder))


def test_model_is_described_with_predictions_of_random_photos(keras2, keras2_files, tmp_path):
    assert keras2(run, keras2_files / "flat.h5", tmp_path) == {"compute_dtypes": ["float32"]}
    assert len(load_graph(tmp_path).inputs) == 1
    probe = np.load(tmp_path / "probe.npz")
    assert probe["photos"].shape == (2, 32, 32, 3) and probe["outputs"].shape == (2, 3)
    assert probe["photos"][0].max() <= 1 < probe["photos"][1].max() <= 255


def test_photos_are_predicted(keras2, keras2_files, tmp_path):
    reference = np.load(keras2_files / "scores.npz")
    np.save(tmp_path / "photos.npy", np.concatenate([reference["photos"]] * 3))
    keras2(run, keras2_files / "flat.h5", tmp_path)
    outputs = np.load(tmp_path / "outputs.npy")
    assert np.allclose(outputs, np.concatenate([reference["flat"]] * 3), atol=1e-6)
    assert not (tmp_path / "graph.json").exists()


def test_batch_of_fixed_size_is_filled_up(keras2, keras2_files, tmp_path):
    photos = np.load(keras2_files / "scores.npz")["photos"]
    np.save(tmp_path / "photos.npy", photos[:3])
    keras2(run, keras2_files / "fixed.h5", tmp_path)
    assert np.load(tmp_path / "outputs.npy").shape == (3, 3)


def test_problem_of_the_file_is_a_report(keras2, keras2_files, tmp_path):
    report = keras2(run, keras2_files / "lambda.h5", tmp_path)
    assert "Lambda layer" in report["message"] and report["hint"] and not report["out_of_memory"]
    (tmp_path / "no.h5").write_bytes(b"no model")
    assert "Keras 2 cannot load or run the model" in keras2(run, tmp_path / "no.h5", tmp_path)["message"]


def test_process_writes_its_report_and_loads_no_keras_3(keras2_files, tmp_path, monkeypatch):
    # Some layers of Keras 2 look up others in TensorFlow, where Keras 3 is without this.
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    code = (
        "import sys; from edgetl.engines.keras2.__main__ import main; "
        f"sys.argv = ['child', {str(keras2_files / 'lambda.h5')!r}, {str(tmp_path)!r}, str(2**34), '600', '900']; "
        "main(); assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert "Lambda" in json.loads((tmp_path / "result.json").read_text())["message"]
