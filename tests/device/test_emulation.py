"""tools/emulate: the mirror that packages come from, the cache, and the errors where boards cannot be emulated."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.device.conftest import USER_CACHE
from tools.emulation import debian, sandbox, ssh_board, store, wheels
from tools.emulation.boards import BOARDS

PROGRAM = Path(__file__).parents[2] / "tools" / "emulate"
STANZAS = """Types: deb
# a comment
URIs: http://mirror.example/security
Suites: x-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: x
Components: main

Types: deb deb-src
URIs: http://mirror.example/debian
Suites: x x-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg
"""


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("sources.list.d/debian.sources", STANZAS, "signed-by=/usr/share/keyrings/debian.gpg"),
        ("sources.list", "deb http://mirror.example/debian x main\n", ""),
        (
            "sources.list.d/a.list",
            "# deb http://old.example/debian x main\n"
            "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian x main",
            "signed-by=/k.gpg",
        ),
    ],
)
def test_mirror_is_that_of_this_machine(tmp_path, name, text, options):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text)
    assert debian.find_mirror(tmp_path) == debian.Mirror(uri="http://mirror.example/debian", options=options)


def test_missing_debian_mirror_is_reported(tmp_path):
    (tmp_path / "sources.list").write_text("deb http://mirror.example/ubuntu x main\n")
    with pytest.raises(store.EmulationError, match="apt has no Debian mirror here"):
        debian.find_mirror(tmp_path)


def test_folder_of_the_cache_is_made_once_and_not_kept_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls = []

    def make(folder: Path) -> None:
        (folder / "file").write_text("content")
        calls.append(folder)
        if len(calls) == 1:
            raise store.EmulationError("the network went away")

    with pytest.raises(store.EmulationError):
        store.cache_folder("board", ["a"], make)
    assert [path.name for path in (tmp_path / "edgetl" / "emulation").iterdir() if path.is_dir()] == []
    first = store.cache_folder("board", ["a"], make)
    assert store.cache_folder("board", ["a"], make) == first and (first / "file").read_text() == "content"
    assert store.cache_folder("board", ["b"], make) != first and len(calls) == 3
    assert first.stat().st_mode & 0o777 == 0o755


def test_wheels_of_boards_have_the_versions_of_this_machine():
    assert all("==" in pin for board in BOARDS.values() for pin in wheels.pin_versions(board))
    assert wheels.pin_versions(replace(BOARDS["trixie"], wheels=("no-such-package",))) == ("no-such-package",)


def test_unsupported_processor_is_reported(monkeypatch):
    monkeypatch.setattr(sandbox.platform, "machine", lambda: "riscv64")
    with pytest.raises(store.EmulationError, match="on x86-64 Linux, not on linux riscv64"):
        sandbox.prepare_board(BOARDS["bookworm"])


def test_board_with_sshd_needs_root(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    prepared = sandbox.PreparedBoard(board=BOARDS["bookworm"], root=tmp_path, qemu=tmp_path / "qemu-aarch64")
    with pytest.raises(store.EmulationError, match="only root"), ssh_board.start_board(prepared):
        pytest.fail("it started")


def test_unknown_board_is_reported_with_the_known_ones():
    line = [sys.executable, str(PROGRAM), "prepare", "jessie"]
    completed = subprocess.run(line, capture_output=True, text=True, check=False)
    assert completed.returncode == 2
    assert "no such board: jessie; there are bookworm, trixie, armv7" in completed.stderr


def test_program_runs_on_the_emulated_processor(prepare_board):
    prepare_board("bookworm")
    line = [sys.executable, str(PROGRAM), "run", "bookworm", "--", "sh", "-c", "uname -m; ls /mnt | head -c 1; exit 7"]
    environment = {**os.environ, "XDG_CACHE_HOME": USER_CACHE}
    completed = subprocess.run(line, capture_output=True, text=True, cwd=PROGRAM.parent, env=environment, check=False)
    assert (completed.returncode, completed.stdout.splitlines()[0]) == (7, "aarch64"), completed.stderr
