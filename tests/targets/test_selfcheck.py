"""selfcheck.py as a user runs it: an unchanged bundle passes, and every kind of damage is detected and named."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.device import bundle_files

COMMON = Path(__file__).parents[2] / "targets" / "common"


@pytest.fixture
def folder(bundles, tmp_path) -> Path:
    return shutil.copytree(bundles["int8"], tmp_path / "bundle")


def read_failures(completed: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Map check → detail of the failed checks in the output of --json."""
    assert completed.returncode == 1
    report = json.loads(completed.stdout)
    assert report["ok"] is False
    return {check["check"]: check["detail"] for check in report["checks"] if not check["ok"]}


def format_closing_line(folder: Path) -> str:
    return bundle_files.format_closing_line((folder / "SHA256SUMS").read_bytes())


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
    assert report["ok"] is True and f"({report['bundle']})." in format_closing_line(bundles[kind])
    assert [check["check"] for check in report["checks"]] == ["files", "pixels", "outputs", "answers", "runtime"]
    assert set(report["versions"]) == {"python", "numpy", "pillow", "ai-edge-litert", "machine"}


def test_table_has_one_line_per_check(device, bundles):
    completed = device.run(bundles["int8"], "selfcheck.py")
    assert completed.returncode == 0
    assert [line[:4] for line in completed.stdout.splitlines()[:5]] == ["ok  "] * 5
    assert completed.stdout.splitlines()[-1] == format_closing_line(bundles["int8"])
    assert len(completed.stdout.splitlines()[-1]) <= 80


@pytest.mark.parametrize("kind", ["colours", "colours8"])
def test_answers_to_the_golden_photos_are_those_of_the_build(device, answer_bundles, kind):
    completed = device.run(answer_bundles[kind], "selfcheck.py", "--json")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    details = {check["check"]: check["detail"] for check in json.loads(completed.stdout)["checks"]}
    tolerance = {"colours": "0.0001", "colours8": "0.04"}[kind]
    assert details["answers"] == f"6 photos, largest difference 0, tolerance {tolerance}, 6 answers as in the build"


def test_bundle_without_thresholds_has_no_answers_to_check(device, bundles):
    completed = device.run(bundles["int8"], "selfcheck.py")
    assert "ok    answers   this bundle has no thresholds, so every photo has a label\n" in completed.stdout


@pytest.fixture
def answer_folder(answer_bundles, tmp_path) -> Path:
    return shutil.copytree(answer_bundles["colours"], tmp_path / "answer-bundle")


def test_changed_reference_features_fail(device, answer_folder):
    content = (answer_folder / "features.npy").read_bytes()
    (answer_folder / "features.npy").write_bytes(flip_bit(content, len(content) - 1))
    assert read_failures(device.run(answer_folder, "selfcheck.py", "--json"))["files"] == "features.npy: changed"


@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("similarity", 0.2, "tolerance 0.0001 (golden/2_blue.jpg), 6 answers as in the build"),
        ("label", "another", "another answer from the same numbers: golden/2_blue.jpg"),
        ("known", None, "another answer from the same numbers: golden/2_blue.jpg"),
        ("accepted", None, "another answer from the same numbers: golden/2_blue.jpg"),
    ],
)
def test_other_answers_than_those_of_the_build_fail(device, answer_folder, write_checksums, name, value, detail):
    def change_third(facts):
        answer = facts["answers"]["golden"][2]
        answer[name] = not answer[name] if value is None else value

    edit_facts(answer_folder, change_third)
    write_checksums(answer_folder)
    assert read_failures(device.run(answer_folder, "selfcheck.py", "--json"))["answers"].endswith(detail)


def test_answer_may_differ_where_the_probability_does(device, answer_folder, write_checksums):
    """The check of the outputs compares the probabilities."""

    def change_third(facts):
        answer = facts["answers"]["golden"][2]
        answer |= {"probability": answer["probability"] + 1e-6, "accepted": not answer["accepted"]}

    edit_facts(answer_folder, change_third)
    write_checksums(answer_folder)
    completed = device.run(answer_folder, "selfcheck.py")
    assert completed.returncode == 0 and "5 answers as in the build" in completed.stdout


def test_answers_to_other_golden_photos_fail(device, answer_folder, write_checksums):
    edit_facts(answer_folder, lambda facts: facts["answers"]["golden"].pop())
    write_checksums(answer_folder)
    failures = read_failures(device.run(answer_folder, "selfcheck.py", "--json"))
    assert failures == {"goldens": "model.json has 5 answers for 6 golden photos"}


def list_critical_bytes(name: str) -> list[int]:
    """One byte in the middle, and those of the last lines, where a change could make the program do nothing."""
    size = (COMMON / name).stat().st_size
    return [size // 2, *range(size - 40, size - 1)]


CHECKERS = ("selfcheck.py", "check_files.py")
CASES = [
    *[(name, list_critical_bytes(name)) for name in CHECKERS],
    *[pytest.param(name, range(3, (COMMON / name).stat().st_size), marks=pytest.mark.slow) for name in CHECKERS],
]


@pytest.mark.parametrize(("name", "indices"), CASES)
def test_changed_checker_does_not_pass(device, folder, name, indices):
    content = (folder / name).read_bytes()
    for index in indices:
        (folder / name).write_bytes(flip_bit(content, index))
        completed = device.run(folder, "selfcheck.py")
        assert completed.returncode != 0, (index, content[index - 20 : index + 20])
        assert completed.stdout + completed.stderr


@pytest.mark.parametrize("name", CHECKERS)
def test_checker_that_was_cut_off_does_not_print_the_closing_line(device, folder, name):
    content = (folder / name).read_bytes()
    closing = format_closing_line(folder)
    for size in (*range(0, len(content), len(content) // 12), len(content) - 1, len(content) - 8):
        (folder / name).write_bytes(content[:size])
        assert closing not in device.run(folder, "selfcheck.py").stdout, size


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
        ("", "golden_check.py printed no report"),
        ("print('[]')\n", "golden_check.py printed no report"),
        ('print(\'{"checks": [], "versions": {}}\')\n', "not ('pixels', 'outputs', 'answers', 'runtime')"),
    ],
    ids=["crash", "missing-package", "silent-failure", "silent", "no-report", "no-checks"],
)
def test_crash_of_the_runtime_is_a_failed_check(device, folder, write_checksums, program, detail):
    (folder / "golden_check.py").write_text(program, encoding="utf-8")
    write_checksums(folder)
    assert read_failures(device.run(folder, "selfcheck.py", "--json"))["goldens"].endswith(detail)
