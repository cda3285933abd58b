"""tools/emulate without any board: where packages come from, and what is kept."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

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
def test_the_mirror_is_this_machines_own(tmp_path, name, text, options):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text)
    assert debian.find_mirror(tmp_path) == debian.Mirror(uri="http://mirror.example/debian", options=options)


def test_no_debian_mirror_is_said(tmp_path):
    (tmp_path / "sources.list").write_text("deb http://mirror.example/ubuntu x main\n")
    with pytest.raises(store.EmulationError, match="apt has no Debian mirror here"):
        debian.find_mirror(tmp_path)


def test_kept_once_and_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = []

    def make(folder: Path) -> None:
        (folder / "file").write_text("content")
        made.append(folder)
        if len(made) == 1:
            raise store.EmulationError("the network went away")

    with pytest.raises(store.EmulationError):
        store.cache_folder("board", ["a"], make)
    assert [path.name for path in (tmp_path / "edgetl" / "emulation").iterdir() if path.is_dir()] == []
    first = store.cache_folder("board", ["a"], make)
    assert store.cache_folder("board", ["a"], make) == first and (first / "file").read_text() == "content"
    assert store.cache_folder("board", ["b"], make) != first and len(made) == 3
    assert first.stat().st_mode & 0o777 == 0o755


def test_boards_have_the_versions_of_this_machine():
    assert all("==" in pin for board in BOARDS.values() for pin in wheels.pin_versions(board))
    assert wheels.pin_versions(replace(BOARDS["trixie"], wheels=("no-such-package",))) == ("no-such-package",)


def test_another_processor_is_said(monkeypatch):
    monkeypatch.setattr(sandbox.platform, "machine", lambda: "riscv64")
    with pytest.raises(store.EmulationError, match="on x86-64 Linux, not on linux riscv64"):
        sandbox.prepare_board(BOARDS["bookworm"])


def test_only_root_can_give_a_board_that_answers(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ready = sandbox.PreparedBoard(board=BOARDS["bookworm"], root=tmp_path, qemu=tmp_path / "qemu-aarch64")
    with pytest.raises(store.EmulationError, match="only root"), ssh_board.start_board(ready):
        pytest.fail("it started")


def test_a_board_that_is_none_is_named():
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "prepare", "jessie"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "no such board: jessie; there are bookworm, trixie, armv7" in done.stderr


def test_a_program_runs_as_on_the_board(prepared):
    prepared("bookworm")
    line = [sys.executable, str(PROGRAM), "run", "bookworm", "--", "sh", "-c", "uname -m; ls /mnt | head -c 1; exit 7"]
    from tests.device.conftest import USERS_CACHE

    environment = {**os.environ, "XDG_CACHE_HOME": USERS_CACHE}
    done = subprocess.run(line, capture_output=True, text=True, cwd=PROGRAM.parent, env=environment, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (7, "aarch64"), done.stderr
