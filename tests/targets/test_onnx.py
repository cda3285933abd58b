"""The onnx target: its bundle checks itself, names photos and measures itself where there is no TensorFlow."""

import json
import shutil
from importlib import metadata
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from edgetl.core.device import bundle_files, targets
from edgetl.core.errors import ConfigError
from edgetl.engines.onnx import runtime as onnx_runtime


@pytest.fixture(scope="module")
def bundle(built_both) -> Path:
    """The int8 bundle of the shared run."""
    return built_both.targets[1].bundle.root


@pytest.fixture(scope="module")
def board(device):
    """The device's Python with onnxruntime in LiteRT's place."""
    (site,) = (device.python.parents[1] / "lib").glob("python3*/site-packages")
    for name in ("onnxruntime",):
        distribution = metadata.distribution(name)
        tops = {PurePosixPath(file).parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for top in tops:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(distribution.locate_file(top))))
    return device


def test_the_target():
    found = targets.find_target("onnx")
    assert found.accepts.formats == ("onnx",) and "int8_u8s8" not in found.accepts.methods
    lines = bundle_files.format_requirements(found).splitlines()
    assert any(line.startswith("onnxruntime") and '"aarch64"' in line for line in lines)
    assert not any("litert" in line or "armv7l" in line for line in lines)


def test_a_board_of_one_s_own_extends_it(tmp_path):
    folder = tmp_path / "my-board"
    folder.mkdir()
    (folder / "target.toml").write_text(
        'schema = 1\nextends = "onnx"\ntitle = "My board"\nsummary = "mine"\n[accepts]\nmethods = ["int8_u8s8"]\n'
        '[device]\narch = ["aarch64"]\ncpu = "Cortex-A72"\ncores = 4\nclock_hz = 1_800_000_000\n'
        "ram_bytes = 1_073_741_824\n",
        encoding="utf-8",
    )
    found = targets.find_target("my-board", [tmp_path])
    assert found.accepts.methods == ("int8_u8s8",) and found.payload == targets.find_target("onnx").payload
    (folder / "target.toml").write_text(
        'schema = 1\nextends = "onnx"\ntitle = "My board"\nsummary = "mine"\n[accepts]\nmethods = ["int16x8"]\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match="int16x8 makes tflite files"):
        targets.find_target("my-board", [tmp_path])


def test_it_checks_itself(board, bundle):
    done = board.run(bundle, "selfcheck.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "its optimized graph runs" in done.stdout and "onnxruntime" in done.stdout
    assert done.stdout.endswith("This device gives what the build gave.\n")


def test_it_says_so_where_its_answers_are_others(board, bundle, reseal, tmp_path):
    folder = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    path = folder / "golden" / "expected.npz"
    with np.load(path) as arrays:
        changed = {name: arrays[name] for name in arrays.files}
    changed["outputs"] = changed["outputs"][:, ::-1]
    np.savez(path, **changed)
    reseal(folder)
    done = board.run(folder, "selfcheck.py")
    assert done.returncode == 1 and "FAIL  outputs" in done.stdout


def test_it_names_photos_as_the_build_did(board, bundle, built_both, photos):
    for name in ("circle", "square", "triangle"):
        done = board.run(bundle, "classify.py", "--json", str(photos / name / "003.png"))
        assert done.returncode == 0, done.stderr
        labels = json.loads(done.stdout)["labels"]
        assert labels[0]["label"] == name and sum(row["probability"] for row in labels) == pytest.approx(1, abs=1e-4)


def test_it_answers_what_the_build_s_runtime_answers(board, bundle, built_both, photos, as_pixels):
    path = photos / "square" / "003.png"
    image = np.asarray(Image.open(path).convert("RGB"))[None]
    ran = onnx_runtime.predict_file(
        built_both.targets[1].artifact.path, as_pixels(image), "onnxruntime", lambda _: None
    )
    done = board.run(bundle, "classify.py", "--json", "--threads", "1", str(path))
    found = {row["label"]: row["probability"] for row in json.loads(done.stdout)["labels"]}
    labels = json.loads((bundle / "model.json").read_text(encoding="utf-8"))["output"]["labels"]
    assert [found[label] for label in labels] == pytest.approx(ran.scores[0].tolist(), abs=2e-6)


def test_it_measures_itself(board, bundle, tmp_path):
    done = board.run(bundle, "bench.py", "--soak", "0", "--seconds", "0.2", "--runs", "10", "--out", str(tmp_path))
    assert done.returncode in (0, 1), done.stderr
    measure = json.loads((tmp_path / "measure.json").read_text(encoding="utf-8"))
    assert measure["accelerated"] is True and measure["versions"]["onnxruntime"]
    assert not any("optimized graph" in reason for reason in measure["reasons"])


def test_the_settings_of_the_session_are_those_of_the_build():
    source = (Path(__file__).parents[2] / "targets" / "onnx" / "runtime.py").read_text(encoding="utf-8")
    scope: dict[str, object] = {}
    exec(source, scope)
    assert scope["SETTINGS"] == onnx_runtime._SETTINGS
