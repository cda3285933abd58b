"""The onnx target: its bundle checks itself, classifies photos and measures itself without TensorFlow."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.core.device import bundle_files, targets
from edgetl.core.errors import ConfigError
from edgetl.engines.onnx import runtime as onnx_runtime


@pytest.fixture(scope="module")
def bundle(built_both) -> Path:
    """The int8 bundle for ONNX of the shared run."""
    return built_both.targets[1].bundle.root


def test_onnx_target_installs_onnxruntime_on_64_bit_processors_only():
    target = targets.find_target("onnx")
    assert target.accepts.formats == ("onnx",) and "int8_u8s8" not in target.accepts.methods
    lines = bundle_files.format_requirements(target).splitlines()
    assert any(line.startswith("onnxruntime") and '"aarch64"' in line for line in lines)
    assert not any("litert" in line or "armv7l" in line for line in lines)


def test_pc_with_vnni_gets_unsigned_activations_and_the_files_of_onnx():
    target, onnx = targets.find_target("onnx-x86-64"), targets.find_target("onnx")
    assert target.accepts.methods[0] == "int8_u8s8" and "int8" not in target.accepts.methods
    assert target.payload == onnx.payload and target.runtime.packages == onnx.runtime.packages


BOARD = 'schema = 1\nextends = "onnx"\ntitle = "My board"\nsummary = "mine"\n[accepts]\nmethods = ["{method}"]\n'
DEVICE = (
    '[device]\narch = ["aarch64"]\ncpu = "Cortex-A72"\ncores = 4\nclock_hz = 1_800_000_000\nram_bytes = 1_073_741_824\n'
)


def test_own_board_can_extend_the_onnx_target(tmp_path):
    (tmp_path / "my-board").mkdir()
    text = BOARD.format(method="int8_u8s8") + DEVICE
    (tmp_path / "my-board" / "target.toml").write_text(text, encoding="utf-8")
    target = targets.find_target("my-board", [tmp_path])
    assert target.accepts.methods == ("int8_u8s8",) and target.payload == targets.find_target("onnx").payload


def test_own_board_cannot_accept_a_method_of_another_format(tmp_path):
    (tmp_path / "my-board").mkdir()
    (tmp_path / "my-board" / "target.toml").write_text(BOARD.format(method="int16x8"), encoding="utf-8")
    with pytest.raises(ConfigError, match="int16x8 makes tflite files"):
        targets.find_target("my-board", [tmp_path])


def test_unchanged_bundle_passes_the_self_check(onnx_device, bundle):
    completed = onnx_device.run(bundle, "selfcheck.py")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "the optimized graph runs" in completed.stdout and "onnxruntime" in completed.stdout
    assert completed.stdout.endswith(f"{bundle_files.format_closing_line((bundle / 'SHA256SUMS').read_bytes())}\n")


def test_other_outputs_than_those_of_the_build_fail_the_self_check(onnx_device, bundle, write_checksums, tmp_path):
    folder = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    path = folder / "golden" / "expected.npz"
    with np.load(path) as arrays:
        changed = {name: arrays[name] for name in arrays.files}
    changed["outputs"] = changed["outputs"][:, ::-1]
    np.savez(path, **changed)
    write_checksums(folder)
    completed = onnx_device.run(folder, "selfcheck.py")
    assert completed.returncode == 1 and "FAIL  outputs" in completed.stdout


def test_photos_get_their_labels(onnx_device, bundle, photos):
    for name in ("circle", "square", "triangle"):
        completed = onnx_device.run(bundle, "classify.py", "--json", str(photos / name / "003.png"))
        assert completed.returncode == 0, completed.stderr
        labels = json.loads(completed.stdout)["labels"]
        assert labels[0]["label"] == name
        assert sum(entry["probability"] for entry in labels) == pytest.approx(1, abs=1e-4)


def test_probabilities_are_those_of_the_host(onnx_device, bundle, built_both, photos, as_pixels):
    path = photos / "square" / "003.png"
    image = np.asarray(Image.open(path).convert("RGB"))[None]
    artifact = built_both.targets[1].artifact
    predictions = onnx_runtime.predict_file(artifact.path, as_pixels(image), "onnxruntime", lambda _: None)
    completed = onnx_device.run(bundle, "classify.py", "--json", "--threads", "1", str(path))
    probabilities = {entry["label"]: entry["probability"] for entry in json.loads(completed.stdout)["labels"]}
    labels = json.loads((bundle / "model.json").read_text(encoding="utf-8"))["output"]["labels"]
    assert [probabilities[label] for label in labels] == pytest.approx(predictions.scores[0].tolist(), abs=2e-6)


def test_benchmark_runs_the_optimized_graph(onnx_device, bundle, tmp_path):
    options = ("--soak", "0", "--seconds", "0.2", "--runs", "10", "--out", str(tmp_path))
    completed = onnx_device.run(bundle, "bench.py", *options)
    assert completed.returncode in (0, 1), completed.stderr
    measurement = json.loads((tmp_path / "measure.json").read_text(encoding="utf-8"))
    assert measurement["accelerated"] is True and measurement["versions"]["onnxruntime"]
    assert not any("optimized graph" in reason for reason in measurement["reasons"])


def test_settings_of_the_session_are_those_of_the_build():
    source = (Path(__file__).parents[2] / "targets" / "onnx" / "runtime.py").read_text(encoding="utf-8")
    namespace: dict[str, object] = {}
    exec(source, namespace)
    assert namespace["SETTINGS"] == onnx_runtime._SETTINGS
