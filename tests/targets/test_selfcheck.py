"""selfcheck.py as a user runs it: an unchanged bundle passes, and every kind of damage is detected and named."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.device import bundle_files

SELFCHECK = Path(__file__).parents[2] / "targets" / "common" / "selfcheck.py"


@pytest.fixture
def folder(bundles, tmp_path) -> Path:
    return shutil.copytree(bundles["int8"], tmp_path / "bundle")


@pytest.fixture(scope="module")
def selfcheck(import_payload):
    return import_payload("selfcheck")


def read_failures(completed: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Map check → detail of the failed checks in the output of --json."""
    assert completed.returncode == 1
    report = json.loads(completed.stdout)
    assert report["ok"] is False
    return {check["check"]: check["detail"] for check in report["checks"] if not check["ok"]}


def flip_bit(content: bytes, index: int) -> bytes:
    return content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]


def shift(array: np.ndarray, offset: float) -> None:
    """Change every value by `offset`, for uint8 towards the middle of the range, so that none wraps around."""
    if array.dtype == np.uint8:
        array[...] = np.where(array > 127, array - int(offset), array + int(offset)).astype(np.uint8)
    else:
        array += offset


def rewrite_expected(source: Path, folder: Path, change) -> None:
    """Write golden/expected.npz of `folder` as that of `source` after a change of its arrays."""
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


@pytest.mark.parametrize("kind", ["float32", "int8", "sigmoid"])
def test_unchanged_bundle_passes_every_check(device, bundles, kind):
    completed = device.run(bundles[kind], "selfcheck.py", "--json")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    report = json.loads(completed.stdout)
    assert report["ok"] is True
    assert [check["check"] for check in report["checks"]] == ["files", "pixels", "outputs", "runtime"]
    assert set(report["versions"]) == {"python", "numpy", "pillow", "ai-edge-litert", "machine"}


def test_table_has_one_line_per_check(device, bundles):
    completed = device.run(bundles["int8"], "selfcheck.py")
    assert completed.returncode == 0
    assert [line[:4] for line in completed.stdout.splitlines()[:4]] == ["ok  "] * 4
    assert completed.stdout.endswith("This device computes what the build computed.\n")


def test_one_changed_bit_in_any_file_is_detected(selfcheck, folder):
    # SHA256SUMS and selfcheck.py have tests of their own below.
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert len(names) >= 17
    for name in {*names} - {"SHA256SUMS", "selfcheck.py"}:
        path = folder / name
        content = path.read_bytes()
        path.write_bytes(flip_bit(content, len(content) // 2))
        assert selfcheck.check_files(folder) == [f"{name}: changed"]
        path.write_bytes(content)
    assert selfcheck.check_files(folder) == []


def list_critical_bytes() -> list[int]:
    """One byte in the middle, and those of the last lines, where a change could make the program do nothing."""
    size = SELFCHECK.stat().st_size
    return [size // 2, *range(size - 40, size - 1)]


@pytest.mark.parametrize(
    "indices", [list_critical_bytes(), pytest.param(range(3, SELFCHECK.stat().st_size), marks=pytest.mark.slow)]
)
def test_changed_selfcheck_does_not_pass(device, folder, indices):
    path = folder / "selfcheck.py"
    content = path.read_bytes()
    for index in indices:
        path.write_bytes(flip_bit(content, index))
        completed = device.run(folder, "selfcheck.py")
        assert completed.returncode != 0, (index, content[index - 20 : index + 20])
        assert completed.stdout + completed.stderr


def test_every_byte_of_sha256sums_is_verified(selfcheck, folder):
    path = folder / "SHA256SUMS"
    content = path.read_bytes()
    assert selfcheck.check_files(folder) == []
    # One byte at a time in place: writing the whole file 3000 times takes seconds.
    with path.open("r+b", buffering=0) as file:
        for index, byte in enumerate(content):
            file.seek(index)
            file.write(bytes([byte ^ 1]))
            assert selfcheck.check_files(folder)[0].startswith("SHA256SUMS: "), index
            file.seek(index)
            file.write(bytes([byte]))
    assert path.read_bytes() == content


def test_truncated_missing_and_additional_files_are_named(selfcheck, folder):
    (folder / "labels.txt").unlink()
    model = folder / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1])
    (folder / "golden" / "more.txt").touch()
    assert selfcheck.check_files(folder) == [
        "golden/more.txt: not part of the bundle",
        "labels.txt: missing",
        "model.tflite: changed",
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff" * 100], ids=["empty", "newline", "binary"])
def test_invalid_or_missing_checksums_are_detected(selfcheck, folder, content):
    (folder / "SHA256SUMS").write_bytes(content)
    assert selfcheck.check_files(folder) == ["SHA256SUMS: changed"]
    (folder / "SHA256SUMS").unlink()
    assert selfcheck.check_files(folder)[0].startswith("SHA256SUMS: ")


@pytest.mark.parametrize("path", ["../outside", "/etc/hostname", "golden/../../outside", "a\\b", "./a", "a//b", ""])
def test_checksums_cannot_name_files_outside_of_the_bundle(selfcheck, folder, path):
    (folder.parent / "outside").write_text("secret", encoding="utf-8")
    (folder / "SHA256SUMS").write_text(bundle_files.format_checksums({path: "0" * 64}), encoding="ascii")
    (problem,) = selfcheck.check_files(folder)
    assert problem.startswith("SHA256SUMS: a line does not name a file of the bundle")


def test_links_are_not_accepted_as_files(selfcheck, folder):
    shutil.copyfile(folder / "labels.txt", folder.parent / "labels.txt")
    (folder / "labels.txt").unlink()
    (folder / "labels.txt").symlink_to(folder.parent / "labels.txt")
    (folder / "more").symlink_to(folder.parent)
    assert selfcheck.check_files(folder) == ["labels.txt: a link, not a file", "more: not part of the bundle"]


def test_files_of_setup_and_bench_are_ignored_beside_selfcheck_only(selfcheck, folder):
    for name in ("__pycache__", "golden/__pycache__", ".venv"):
        (folder / name).mkdir()
        (folder / name / "file").touch()
    assert selfcheck.check_files(folder) == []
    # A target may contain a folder called measure at another place: there it is verified.
    for name in ("measure", "golden/measure"):
        (folder / name).mkdir()
        (folder / name / "file").touch()
    assert selfcheck.check_files(folder) == ["golden/measure/file: not part of the bundle"]


def test_sha256sum_accepts_the_checksums(folder):
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    completed = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert completed.returncode == 0, completed.stderr


def test_no_program_of_a_changed_bundle_is_run(device, folder):
    (folder / "golden_check.py").write_text("raise SystemExit('ran')\n", encoding="utf-8")
    failures = read_failures(device.run(folder, "selfcheck.py", "--json"))
    assert failures["files"] == "golden_check.py: changed"
    assert failures["goldens"].startswith("not run")


@pytest.mark.parametrize(("kind", "within", "beyond"), [("int8", 1, 2), ("float32", 5e-5, 2e-4)])
def test_outputs_beyond_the_tolerance_fail(device, bundles, write_checksums, kind, within, beyond, tmp_path):
    folder = shutil.copytree(bundles[kind], tmp_path / "bundle")
    rewrite_expected(bundles[kind], folder, lambda arrays: shift(arrays["outputs"], within))
    write_checksums(folder)
    completed = device.run(folder, "selfcheck.py", "--json")
    assert completed.returncode == 0, completed.stdout
    rewrite_expected(bundles[kind], folder, lambda arrays: shift(arrays["outputs"], beyond))
    write_checksums(folder)
    failures = read_failures(device.run(folder, "selfcheck.py", "--json"))
    assert failures["outputs"].startswith("6 photos, largest difference")


def test_nan_in_the_outputs_fails(device, bundles, write_checksums, tmp_path):
    folder = shutil.copytree(bundles["float32"], tmp_path / "bundle")
    rewrite_expected(bundles["float32"], folder, lambda arrays: arrays["outputs"].fill(np.nan))
    write_checksums(folder)
    assert "nan" in read_failures(device.run(folder, "selfcheck.py", "--json"))["outputs"]


def test_pixels_must_be_equal(device, bundles, folder, write_checksums):
    rewrite_expected(bundles["int8"], folder, lambda arrays: shift(arrays["pixels"][2, 4, 5], 3))
    write_checksums(folder)
    detail = read_failures(device.run(folder, "selfcheck.py", "--json"))["pixels"]
    assert detail.startswith("6 photos, largest difference 3, tolerance 0 (golden/2_")


@pytest.mark.parametrize("tolerance", [-1, "1", True, None, float("inf")])
def test_invalid_tolerance_is_refused(device, folder, write_checksums, tolerance):
    edit_facts(folder, lambda facts: facts["tolerances"].update(output=tolerance))
    write_checksums(folder)
    assert "tolerances.output" in read_failures(device.run(folder, "selfcheck.py", "--json"))["goldens"]


def test_arrays_of_another_size_are_not_loaded(device, folder, write_checksums):
    edit_facts(folder, lambda facts: facts["golden"].pop())
    write_checksums(folder)
    failures = read_failures(device.run(folder, "selfcheck.py", "--json"))
    assert failures["goldens"] == "expected.npz: pixels is missing or has another size than in model.json"


def test_pickled_arrays_are_not_loaded(device, folder, write_checksums):
    with np.load(folder / "golden" / "expected.npz") as arrays:
        pixels = arrays["pixels"]
    np.savez(folder / "golden" / "expected.npz", pixels=pixels, outputs=np.array([{"a": 1}], dtype=object))
    write_checksums(folder)
    detail = read_failures(device.run(folder, "selfcheck.py", "--json"))["goldens"]
    assert "Object arrays cannot be loaded" in detail or "another size" in detail


def test_missing_xnnpack_fails(device, folder, write_checksums):
    runtime = folder / "runtime.py"
    runtime.write_text(runtime.read_text(encoding="utf-8").replace('== "DELEGATE"', '== "NONE"'), encoding="utf-8")
    write_checksums(folder)
    assert set(read_failures(device.run(folder, "selfcheck.py", "--json"))) == {"runtime"}


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "killed by signal 9 while the model ran"),
        ("import no_such_package\n", "README.md describes how to install the packages"),
        ("raise SystemExit(3)\n", "no message"),
    ],
    ids=["crash", "missing-package", "silent"],
)
def test_crash_of_the_runtime_is_a_failed_check(device, folder, write_checksums, program, detail):
    (folder / "golden_check.py").write_text(program, encoding="utf-8")
    write_checksums(folder)
    assert read_failures(device.run(folder, "selfcheck.py", "--json"))["goldens"].endswith(detail)
