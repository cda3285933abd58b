"""check_files.py: every manipulation of a bundle is named before any file of the bundle is imported."""

import os
import py_compile
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetl.core.device import bundle_files

TARGETS = Path(__file__).parents[2] / "targets"


@pytest.fixture
def folder(bundles, tmp_path) -> Path:
    return shutil.copytree(bundles["int8"], tmp_path / "bundle")


@pytest.fixture(scope="module")
def check_files(import_payload):
    return import_payload("check_files")


def flip_bit(content: bytes, index: int) -> bytes:
    return content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]


def test_one_changed_bit_in_any_file_is_detected(check_files, folder):
    # SHA256SUMS has a test of its own below.
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert len(names) >= 17
    for name in {*names} - {"SHA256SUMS"}:
        path = folder / name
        content = path.read_bytes()
        path.write_bytes(flip_bit(content, len(content) // 2))
        assert check_files.list_problems(folder) == [f"{name}: changed"]
        path.write_bytes(content)
    assert check_files.list_problems(folder) == []


def test_every_byte_of_sha256sums_is_verified(check_files, folder):
    path = folder / "SHA256SUMS"
    content = path.read_bytes()
    assert check_files.list_problems(folder) == []
    # One byte at a time in place: writing the whole file 3000 times takes seconds.
    with path.open("r+b", buffering=0) as file:
        for index, byte in enumerate(content):
            file.seek(index)
            file.write(bytes([byte ^ 1]))
            assert check_files.list_problems(folder)[0].startswith("SHA256SUMS: "), index
            file.seek(index)
            file.write(bytes([byte]))
    assert path.read_bytes() == content


def test_truncated_missing_and_additional_files_are_named(check_files, folder):
    (folder / "labels.txt").unlink()
    model = folder / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1])
    (folder / "golden" / "more.txt").touch()
    assert check_files.list_problems(folder) == [
        "golden/more.txt: a file that is not part of the bundle",
        "labels.txt: missing",
        "model.tflite: changed",
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff" * 100], ids=["empty", "newline", "binary"])
def test_invalid_or_missing_checksums_are_detected(check_files, folder, content):
    (folder / "SHA256SUMS").write_bytes(content)
    assert check_files.list_problems(folder) == ["SHA256SUMS: changed"]
    (folder / "SHA256SUMS").unlink()
    assert check_files.list_problems(folder)[0].startswith("SHA256SUMS: ")


@pytest.mark.parametrize("path", ["../outside", "/etc/hostname", "golden/../../outside", "a\\b", "./a", "a//b", ""])
def test_checksums_cannot_name_files_outside_of_the_bundle(check_files, folder, path):
    (folder.parent / "outside").write_text("secret", encoding="utf-8")
    (folder / "SHA256SUMS").write_text(bundle_files.format_checksums({path: "0" * 64}), encoding="ascii")
    (problem,) = check_files.list_problems(folder)
    assert problem.startswith("SHA256SUMS: a line does not name a file of the bundle")


def test_links_are_not_accepted_as_files(check_files, folder):
    shutil.copyfile(folder / "labels.txt", folder.parent / "labels.txt")
    (folder / "labels.txt").unlink()
    (folder / "labels.txt").symlink_to(folder.parent / "labels.txt")
    (folder / "more").symlink_to(folder.parent)
    assert check_files.list_problems(folder) == [
        "labels.txt: a link, not a file",
        "more: a link that is not part of the bundle",
    ]


def test_files_of_the_user_have_their_places_beside_the_programs(check_files, folder):
    for name in (".venv", "measure", "photos"):
        (folder / name / "more").mkdir(parents=True)
        (folder / name / "more" / "file").touch()
    assert check_files.list_problems(folder) == []
    # At another place such a folder is not one of these.
    (folder / "golden" / "measure").mkdir()
    assert check_files.list_problems(folder) == ["golden/measure: a folder that is not part of the bundle"]


def test_sha256sum_accepts_the_checksums(folder):
    command = ["sha256sum", "--strict", "-c", "SHA256SUMS"]
    completed = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert completed.returncode == 0, completed.stderr


def test_line_of_an_unchanged_bundle_states_files_and_identity(device, folder):
    completed = device.run(folder, "check_files.py")
    described = bundle_files.format_closing_line((folder / "SHA256SUMS").read_bytes()).rpartition("computed ")[2]
    assert (completed.returncode, completed.stdout) == (0, f"All files are unchanged {described}\n")


def test_unprintable_names_are_escaped_and_many_are_counted(device, folder):
    for index in range(50):
        (folder / f"\x1b[2J\u202e{index:02}").touch()
    completed = device.run(folder, "check_files.py")
    lines = completed.stdout.splitlines()
    assert completed.returncode == 1 and "\x1b" not in completed.stdout and "\u202e" not in completed.stdout
    assert lines[0] == "'\\x1b[2J\\u202e00': a file that is not part of the bundle" and lines[20] == "and 30 more"


def test_programs_start_in_the_same_way():
    starts = set()
    for name in ("common/bench.py", "common/classify.py", "raspberry-pi/demo.py"):
        text = (TARGETS / name).read_text(encoding="utf-8")
        start = text.index("import posix")
        starts.add(text[start : text.index("import argparse")])
        # Importing __future__ reads a file, which could be one of the folder.
        assert "__future__" not in text
    assert len(starts) == 1


# Manipulations: each changes a bundle and returns the name that must be reported. A program that is imported from the
# bundle creates the file `ran` beside it.

TRAP = "import pathlib\npathlib.Path(__file__).resolve().parent.joinpath('..', 'ran').touch()\n"
PACKAGE_TRAP = TRAP.replace("'..', ", "'..', '..', ")


def write(name: str, content: str | bytes = TRAP) -> Callable[[Path], str]:
    """Write or replace a file."""

    def change(folder: Path) -> str:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return change


def add_package(name: str) -> Callable[[Path], str]:
    def change(folder: Path) -> str:
        write(f"{name}/__init__.py", PACKAGE_TRAP)(folder)
        return name

    return change


def add_bytecode(name: str) -> Callable[[Path], str]:
    """Add bytecode that Python runs for a module: it is not compared with the source."""

    def change(folder: Path) -> str:
        source = folder.parent / f"{name}.py"
        source.write_text(PACKAGE_TRAP)
        for target in (f"{name}.cpython-{version}.pyc" for version in ("39", "310", "311", "312", "313", "314")):
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(source), str(folder / "__pycache__" / target), invalidation_mode=mode)
        return "__pycache__"

    return change


def cut(name: str, fraction: float) -> Callable[[Path], str]:
    def change(folder: Path) -> str:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * fraction)])
        return name

    return change


def replace_by(name: str, make: Callable[[Path], object]) -> Callable[[Path], str]:
    def change(folder: Path) -> str:
        if (folder / name).is_dir():
            shutil.move(folder / name, folder.parent / "moved")
        else:
            (folder / name).rename(folder.parent / "moved")
        make(folder / name)
        return name

    return change


def link_to_moved(path: Path) -> None:
    path.symlink_to(path.parent.parent / "moved")


def bind_socket(path: Path) -> None:
    # The path of a socket has at most 107 characters.
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


def add(name: str, make: Callable[[Path], object]) -> Callable[[Path], str]:
    def change(folder: Path) -> str:
        make(folder / name)
        return name

    return change


MODULES = (
    *("json", "hashlib", "__future__", "os", "re", "stat", "pathlib", "argparse", "subprocess", "posix", "typing"),
    *("collections", "encodings", "sitecustomize", "usercustomize", "zipfile", "gc", "numpy", "PIL", "ai_edge_litert"),
)
MANIPULATIONS = {
    **{f"module {name}": write(f"{name}.py") for name in MODULES},
    **{f"package {name}": add_package(name) for name in ("json", "numpy", "check_files", "runtime", "pixels")},
    "extension runtime": write("runtime.abi3.so", b"\x7fELF"),
    "bytecode beside": write("json.pyc", b"\0" * 16),
    **{f"bytecode {name}": add_bytecode(name) for name in ("pixels", "runtime", "json")},
    "path configuration": write("more.pth", "import this\n"),
    "environment configuration": write("pyvenv.cfg", "home = /nowhere\n"),
    "hidden file": write(".hidden", ""),
    "file in a folder": write("golden/more.jpg", ""),
    "empty folder": add("more", Path.mkdir),
    "pipe": add("more", os.mkfifo),
    "socket": add("more", bind_socket),
    "broken link": add("more", lambda path: path.symlink_to("nowhere")),
    "loop of links": add("golden/more", lambda path: path.symlink_to("..")),
    **{f"link {name}": replace_by(name, link_to_moved) for name in ("selfcheck.py", "check_files.py", "setup.sh")},
    **{f"link {name}": replace_by(name, link_to_moved) for name in ("SHA256SUMS", "model.tflite", "golden")},
    "link to a device": replace_by("labels.txt", lambda path: path.symlink_to("/dev/zero")),
    "link to a device as checker": replace_by("check_files.py", lambda path: path.symlink_to("/dev/zero")),
    **{f"pipe {name}": replace_by(name, os.mkfifo) for name in ("check_files.py", "SHA256SUMS", "runtime.py")},
    **{f"folder {name}": replace_by(name, Path.mkdir) for name in ("check_files.py", "SHA256SUMS", "pixels.py")},
    "file for a folder": replace_by("golden", Path.touch),
    **{f"link {name}": add(name, lambda path: path.symlink_to("..")) for name in (".venv", "measure", "photos")},
    "file measure": write("measure", ""),
    **{f"empty {name}": cut(name, 0) for name in ("check_files.py", "selfcheck.py", "SHA256SUMS", "model.tflite")},
    **{f"half {name}": cut(name, 0.5) for name in ("check_files.py", "selfcheck.py", "SHA256SUMS", "setup.sh")},
    "most of check_files.py": cut("check_files.py", 0.92),
    "another model": write("model.tflite", b"TFL3"),
    "another golden photo": write("golden/expected.npz", b""),
    "another requirement": write("requirements.txt", "evil\n"),
    "missing file": replace_by("scoring.py", lambda _: None),
    "missing checker": replace_by("check_files.py", lambda _: None),
    "missing checksums": replace_by("SHA256SUMS", lambda _: None),
}


@pytest.mark.parametrize("manipulation", MANIPULATIONS.values(), ids=MANIPULATIONS)
def test_manipulation_is_named(check_files, folder, manipulation):
    name = manipulation(folder)
    assert any(problem.startswith((f"{name}: ", f"{name}/")) for problem in check_files.list_problems(folder))


def run_programs(device, folder: Path, changed: str = "") -> dict[str, subprocess.CompletedProcess[str]]:
    """Start the programs as a user often does: in the folder itself. Nothing may wait for a pipe.

    A changed program is not started: it cannot check itself, so its callers require its closing line.
    """
    python = str(device.python)
    commands = {name: [python, f"{name}.py"] for name in ("classify", "bench", "selfcheck", "check_files")}
    commands["classify"].append("golden")
    commands["setup"] = ["sh", "setup.sh"]
    environment = {"PATH": os.environ["PATH"], "PYTHON": python}
    return {
        name: subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        for name, command in commands.items()
        if name != changed.removesuffix(".py")
    }


def test_nothing_of_the_folder_is_imported_before_the_check(device, folder):
    traps = [key for key in MANIPULATIONS if key.startswith(("module ", "package ", "bytecode "))]
    assert len(traps) >= 28
    for key in traps:
        MANIPULATIONS[key](folder)
    for program, completed in run_programs(device, folder).items():
        output = completed.stdout + completed.stderr
        assert completed.returncode == (2 if program in ("classify", "bench") else 1), (program, output)
        assert "PIL.py: a file that is not part of the bundle" in output and "Traceback" not in output
        assert "__pycache__: a folder that is not part of the bundle" in output
        assert not (folder.parent / "ran").exists(), program


CHECKERS = ("check_files.py", "selfcheck.py", "SHA256SUMS")


@pytest.mark.parametrize("key", [key for key in MANIPULATIONS if key.endswith((*CHECKERS, "checker", "checksums"))])
def test_changed_checker_is_named_by_every_other_program(device, folder, key):
    name = MANIPULATIONS[key](folder)
    for program, completed in run_programs(device, folder, name).items():
        output = completed.stdout + completed.stderr
        assert completed.returncode == (2 if program in ("classify", "bench") else 1), (program, output)
        assert name in output and "Traceback" not in output, (program, output)
        assert "computes what" not in completed.stdout, (program, output)
    assert not (folder / ".venv").exists() and not list(folder.glob("**/__pycache__"))


@pytest.mark.parametrize("program", ["classify.py", "bench.py", "demo.py"])
def test_interrupt_during_imports_ends_without_a_traceback(device, demo_bundle, tmp_path, program):
    (tmp_path / "numpy.py").write_text(
        "import pathlib, time\npathlib.Path(__file__).with_name('began').touch()\ntime.sleep(60)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    command = [str(device.python), str(demo_bundle / program), "photo.jpg"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as child:
        deadline = time.monotonic() + 60
        while not (tmp_path / "began").exists():
            assert time.monotonic() < deadline and child.poll() is None
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=30)[1] == "" and child.returncode == -signal.SIGINT
