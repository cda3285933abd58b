"""bundle_check.py: a bundle that differs from its record, and a self-check that ended early."""

import os
import shutil
from pathlib import Path

import pytest

from edgetl.core.device import bundle_check, bundle_files
from edgetl.core.errors import StageError
from edgetl.core.records import Bundle
from edgetl.core.storage.files import hash_file


@pytest.fixture
def bundle(tmp_path) -> Bundle:
    root = tmp_path / "run" / "bundle-tflite" / "bundle"
    (root / "golden").mkdir(parents=True)
    for name in ("bench.py", "golden/0.jpg"):
        (root / name).write_text(name)
    digests = {name: hash_file(root / name) for name in ("bench.py", "golden/0.jpg")}
    (root / bundle_files.CHECKSUMS).write_text(bundle_files.format_checksums(digests))
    files = {**digests, bundle_files.CHECKSUMS: hash_file(root / bundle_files.CHECKSUMS)}
    return Bundle(root=root, target="tflite", method="int8", artifact_sha256="a" * 64, files=files, bytes=1)


def test_unchanged_bundle_is_accepted(bundle):
    bundle_check.check_record(bundle)


def replace_by_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("name", ["bench.py", "golden/0.jpg", "SHA256SUMS"])
@pytest.mark.parametrize(
    "change",
    [lambda path: path.write_text("other"), Path.unlink, replace_by_link, replace_by_pipe],
    ids=["changed", "missing", "link", "pipe"],
)
def test_changed_file_is_named_with_the_command_that_makes_the_bundle(bundle, change, name):
    change(bundle.root / name)
    with pytest.raises(StageError, match="the bundle changed since it was made") as caught:
        bundle_check.check_record(bundle)
    run = bundle.root.parent.parent
    assert [*map(str, caught.value.where)] == [str(bundle.root / name)]
    assert caught.value.hint == f"remove {run / 'bundle-tflite'} and run edgetl bundle {run}"


def test_missing_folder_is_a_changed_bundle(bundle):
    shutil.rmtree(bundle.root)
    with pytest.raises(StageError, match="the bundle changed"):
        bundle_check.check_record(bundle)


def make_closing_line(bundle: Bundle) -> str:
    return bundle_files.format_closing_line((bundle.root / bundle_files.CHECKSUMS).read_bytes())


def test_closing_line_states_files_and_identity(bundle):
    identity = hash_file(bundle.root / bundle_files.CHECKSUMS)[:12]
    line = make_closing_line(bundle)
    assert line == f"This device computes what the build computed (2 files, bundle {identity})."
    bundle_check.require_closing_line(bundle, "board", f"ok    files\n{line}\n", 0)


@pytest.mark.parametrize(
    ("output", "exit_code", "reason"),
    [
        ("", 0, "the last line of its self-check is ''"),
        ("{line}\nmore\n", 0, "the last line of its self-check is 'more'"),
        ("This device computes what the build computed.\n", 0, "what the build computed.'"),
        ("This device computes what the build computed (2 files, bundle 0123456789ab).\n", 0, "0123456789ab"),
        ("{line}\n", 1, "the last line"),
        ("ok    files  well\nFAIL  outputs  off by 2\n", 1, "computed: FAIL  outputs  off by 2"),
    ],
)
def test_another_last_line_is_an_error(bundle, output, exit_code, reason):
    with pytest.raises(StageError, match="board does not compute what the build computed") as caught:
        bundle_check.require_closing_line(
            bundle, "board", output.replace("{line}", make_closing_line(bundle)), exit_code
        )
    assert reason in caught.value.message
