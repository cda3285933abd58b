"""selfcheck.py as a user runs it: what is whole passes, and every kind of damage is caught and named."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from edgetl.core.device import bundle_files

SELFCHECK = Path(__file__).parents[2] / "targets" / "common" / "selfcheck.py"


@pytest.fixture
def folder(built, tmp_path) -> Path:
    return shutil.copytree(built["int8"], tmp_path / "bundle")


@pytest.fixture(scope="module")
def selfcheck() -> ModuleType:
    spec = importlib.util.spec_from_file_location("selfcheck", SELFCHECK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def failed(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Check → detail of those that failed, from --json."""
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["ok"] is False
    return {check["check"]: check["detail"] for check in found["checks"] if not check["ok"]}


@pytest.mark.parametrize("kind", ["float32", "int8", "sigmoid"])
def test_a_whole_bundle_passes(device, built, kind):
    done = device.run(built[kind], "selfcheck.py", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert [check["check"] for check in found["checks"]] == ["files", "pixels", "outputs", "runtime"]
    assert set(found["versions"]) == {"python", "numpy", "pillow", "ai-edge-litert", "machine"}


def test_table(device, built):
    done = device.run(built["int8"], "selfcheck.py")
    assert done.returncode == 0
    assert [line[:4] for line in done.stdout.splitlines()[:4]] == ["ok  "] * 4
    assert done.stdout.endswith("This device gives what the build gave.\n")


def test_one_changed_byte_in_any_file_is_caught(device, built, folder):
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(files) >= 17
    for name in files:
        path = folder / name
        whole = path.read_bytes()
        path.write_bytes(flipped(whole, len(whole) // 2))
        done = device.run(folder, "selfcheck.py")
        assert done.returncode == 1, name
        assert str(name) in done.stdout + done.stderr, name
        path.write_bytes(whole)
    assert device.run(folder, "selfcheck.py").returncode == 0


def last_bytes() -> list[int]:
    size = SELFCHECK.stat().st_size
    return list(range(size - 40, size - 1))


@pytest.mark.parametrize(
    "places", [last_bytes(), pytest.param(range(3, SELFCHECK.stat().st_size), marks=pytest.mark.slow)]
)
def test_a_changed_checker_does_not_pass(device, folder, places):
    path = folder / "selfcheck.py"
    whole = path.read_bytes()
    for at in places:
        path.write_bytes(flipped(whole, at))
        done = device.run(folder, "selfcheck.py")
        assert done.returncode != 0, (at, whole[at - 20 : at + 20])
        assert done.stdout + done.stderr


def test_every_byte_of_sha256sums_counts(selfcheck, folder):
    path = folder / "SHA256SUMS"
    whole = path.read_bytes()
    assert selfcheck.check_files(folder) == []
    for at in range(len(whole)):
        path.write_bytes(flipped(whole, at))
        assert selfcheck.check_files(folder)[0].startswith("SHA256SUMS: "), at


def test_truncated_missing_and_added(selfcheck, folder):
    (folder / "labels.txt").unlink()
    model = folder / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1])
    (folder / "golden" / "more.txt").touch()
    assert selfcheck.check_files(folder) == [
        "golden/more.txt: not part of the bundle",
        "labels.txt: missing",
        "model.tflite: changed",
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff" * 100])
def test_no_checksums_at_all(selfcheck, folder, content):
    (folder / "SHA256SUMS").write_bytes(content)
    assert selfcheck.check_files(folder) == ["SHA256SUMS: changed"]
    (folder / "SHA256SUMS").unlink()
    assert selfcheck.check_files(folder)[0].startswith("SHA256SUMS: ")


@pytest.mark.parametrize("path", ["../outside", "/etc/hostname", "golden/../../outside", "a\\b", "./a", "a//b", ""])
def test_checksums_stay_inside(selfcheck, folder, path):
    (folder.parent / "outside").write_text("secret", encoding="utf-8")
    (folder / "SHA256SUMS").write_text(bundle_files.format_checksums({path: "0" * 64}), encoding="ascii")
    (fault,) = selfcheck.check_files(folder)
    assert fault.startswith("SHA256SUMS: a line that names no file of the bundle")


def test_links_are_no_files(selfcheck, folder):
    shutil.copyfile(folder / "labels.txt", folder.parent / "labels.txt")
    (folder / "labels.txt").unlink()
    (folder / "labels.txt").symlink_to(folder.parent / "labels.txt")
    (folder / "more").symlink_to(folder.parent)
    assert selfcheck.check_files(folder) == ["labels.txt: a link, not a file", "more: not part of the bundle"]


def test_what_setting_up_makes_is_ignored(selfcheck, folder):
    for name in ("__pycache__", "golden/__pycache__", ".venv"):
        (folder / name).mkdir()
        (folder / name / "file").touch()
    assert selfcheck.check_files(folder) == []
    # Only beside selfcheck.py: a target may bring a folder of that name deeper down.
    for name in ("measure", "golden/measure"):
        (folder / name).mkdir()
        (folder / name / "file").touch()
    assert selfcheck.check_files(folder) == ["golden/measure/file: not part of the bundle"]


def test_sha256sum_reads_the_same_file(folder):
    done = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_of_a_changed_bundle_is_run(device, folder):
    (folder / "goldens.py").write_text("raise SystemExit('ran')\n", encoding="utf-8")
    found = failed(device.run(folder, "selfcheck.py", "--json"))
    assert found["files"] == "goldens.py: changed"
    assert found["goldens"].startswith("not run")


@pytest.mark.parametrize(("kind", "right", "wrong"), [("int8", 1, 2), ("float32", 5e-5, 2e-4)])
def test_outputs_beyond_the_tolerance(device, built, reseal, kind, right, wrong, tmp_path):
    folder = shutil.copytree(built[kind], tmp_path / "bundle")
    for offset in (right, wrong):
        rewrite(built[kind], folder, lambda arrays, offset=offset: shift(arrays["outputs"], offset))
        reseal(folder)
        done = device.run(folder, "selfcheck.py", "--json")
        if offset == right:
            assert done.returncode == 0, done.stdout
    assert failed(done)["outputs"].startswith("6 photos, largest difference")


def test_an_output_that_is_no_number_fails(device, built, reseal, tmp_path):
    folder = shutil.copytree(built["float32"], tmp_path / "bundle")
    rewrite(built["float32"], folder, lambda arrays: arrays["outputs"].fill(np.nan))
    reseal(folder)
    assert "nan" in failed(device.run(folder, "selfcheck.py", "--json"))["outputs"]


def test_pixels_must_be_equal(device, built, folder, reseal):
    rewrite(built["int8"], folder, lambda arrays: shift(arrays["pixels"][2, 4, 5], 3))
    reseal(folder)
    detail = failed(device.run(folder, "selfcheck.py", "--json"))["pixels"]
    assert detail.startswith("6 photos, largest difference 3, allowed 0 (golden/2_")


@pytest.mark.parametrize("tolerance", [-1, "1", True, None, float("inf")])
def test_a_tolerance_that_is_none(device, folder, reseal, tolerance):
    edit_facts(folder, lambda facts: facts["tolerances"].update(output=tolerance))
    reseal(folder)
    assert "tolerances.output" in failed(device.run(folder, "selfcheck.py", "--json"))["goldens"]


def test_arrays_of_another_size_are_not_loaded(device, built, folder, reseal):
    edit_facts(folder, lambda facts: facts["golden"].pop())
    reseal(folder)
    found = failed(device.run(folder, "selfcheck.py", "--json"))
    assert found["goldens"] == "expected.npz: pixels is missing or of another size"


def test_pickled_arrays_are_not_loaded(device, folder, reseal):
    with np.load(folder / "golden" / "expected.npz") as arrays:
        pixels = arrays["pixels"]
    np.savez(folder / "golden" / "expected.npz", pixels=pixels, outputs=np.array([{"a": 1}], dtype=object))
    reseal(folder)
    found = failed(device.run(folder, "selfcheck.py", "--json"))
    assert "Object arrays cannot be loaded" in found["goldens"] or "another size" in found["goldens"]


def test_missing_xnnpack_fails(device, folder, reseal):
    runtime = folder / "runtime.py"
    runtime.write_text(runtime.read_text(encoding="utf-8").replace('== "DELEGATE"', '== "NONE"'), encoding="utf-8")
    reseal(folder)
    assert set(failed(device.run(folder, "selfcheck.py", "--json"))) == {"runtime"}


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "killed by signal 9 while the model ran"),
        ("import no_such_package\n", "see README.md for how to install what is needed"),
        ("raise SystemExit(3)\n", "no message"),
    ],
)
def test_a_runtime_that_dies_is_a_finding(device, folder, reseal, program, detail):
    (folder / "goldens.py").write_text(program, encoding="utf-8")
    reseal(folder)
    assert failed(device.run(folder, "selfcheck.py", "--json"))["goldens"].endswith(detail)


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def shift(array: np.ndarray, offset: float) -> None:
    """Move every value by `offset`, away from the end of its range."""
    if array.dtype == np.uint8:
        array[...] = np.where(array > 127, array - int(offset), array + int(offset)).astype(np.uint8)
    else:
        array += offset


def rewrite(source: Path, folder: Path, change) -> None:
    with np.load(source / "golden" / "expected.npz") as arrays:
        content = {name: arrays[name] for name in ("pixels", "outputs")}
    change(content)
    golden = bundle_files.GoldenSet(photos=(), **content)
    (folder / "golden" / "expected.npz").write_bytes(bundle_files.pack_golden_arrays(golden))


def edit_facts(folder: Path, change) -> None:
    path = folder / "model.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    change(facts)
    path.write_text(json.dumps(facts), encoding="utf-8")
