"""Proves that this device gives what the build gave: python3 selfcheck.py. Exit code 0 if it does, 1 if not.

First every file against SHA256SUMS, with the standard library alone. Only when all are as built is more of the bundle
run: goldens.py then decodes the golden photos and runs the model on them. It also looks at this file once more, since a
changed checker may overlook itself. `sha256sum -c SHA256SUMS` asks the same of the files without any of our code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SUMS = "SHA256SUMS"
SUMS_LIMIT_BYTES = 1_000_000
GOLDENS_LIMIT_S = 600
# Python makes the first anywhere, the README's instructions and bench.py the others beside this file; all else in the
# folder must be what the build put there.
IGNORED_ANYWHERE = frozenset({"__pycache__"})
IGNORED = IGNORED_ANYWHERE | {".venv", "measure"}

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every check and print what was found; where one failed, end the program with exit code 1."""
    parser = argparse.ArgumentParser(description="Prove that this device gives what the build gave.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    faults = check_files(HERE)
    checks = [{"check": "files", "ok": not faults, "detail": "; ".join(faults) or "every file is as it was built"}]
    versions: dict[str, str] = {}
    if faults:
        checks.append({"check": "goldens", "ok": False, "detail": "not run: the files are not as they were built"})
    else:
        found = run_goldens(HERE)
        checks += found["checks"]
        versions = found["versions"]
    ok = all(check["ok"] is True for check in checks)
    if options.json:
        print(json.dumps({"ok": ok, "checks": checks, "versions": versions}))
    else:
        _show(checks, versions)
    if not ok:
        sys.exit("This device does not give what the build gave.")
    if not options.json:
        print("This device gives what the build gave.")


def check_files(folder: Path) -> list[str]:
    """What is wrong with the files of a bundle, each as "path: fault"; empty if nothing is."""
    try:
        with (folder / SUMS).open("rb") as file:
            listed = _listed(file.read(SUMS_LIMIT_BYTES))
    except OSError as error:
        return [f"{SUMS}: {error.strerror}"]
    except ValueError as error:
        return [f"{SUMS}: {error}"]
    present = _present(folder)
    faults = [f"{path}: missing" for path in listed if path not in present]
    for path in present:
        if path not in listed and path != SUMS:
            faults.append(f"{path}: not part of the bundle")
        elif (folder / path).is_symlink():
            faults.append(f"{path}: a link, not a file")
        elif path != SUMS:
            faults += _compared(folder, path, listed[path])
    return sorted(faults)


def _listed(content: bytes) -> dict[str, str]:
    """Path → sha256. The last line is the digest of those above it: so a change of SHA256SUMS itself shows."""
    body, _, last = content.rpartition(b"# ")
    if last != f"{hashlib.sha256(body).hexdigest()}  the lines above\n".encode("ascii"):
        raise ValueError("changed")
    listed: dict[str, str] = {}
    for line in body.decode("ascii").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or _PATH.fullmatch(match[2]) is None:
            raise ValueError(f"a line that names no file of the bundle: {line!r}")
        listed[match[2]] = match[1]
    if list(listed) != sorted(listed) or len(listed) != body.count(b"\n"):
        raise ValueError("its lines are not sorted, or a file is named twice")
    return listed


def _present(folder: Path) -> list[str]:
    """Every file below `folder`, links included and never followed."""
    found: list[str] = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        ignored = IGNORED if Path(parent) == folder else IGNORED_ANYWHERE
        links = [name for name in folders if (Path(parent) / name).is_symlink() and name not in ignored]
        folders[:] = [name for name in folders if name not in ignored]
        found += [(Path(parent) / name).relative_to(folder).as_posix() for name in (*files, *links)]
    return sorted(found)


def _compared(folder: Path, path: str, expected: str) -> list[str]:
    digest = hashlib.sha256()
    try:
        with (folder / path).open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        return [f"{path}: {error.strerror}"]
    return [] if digest.hexdigest() == expected else [f"{path}: changed"]


def run_goldens(folder: Path) -> dict[str, Any]:
    """What goldens.py found. It runs apart: a runtime that crashes on this processor is a finding, not our end."""
    command = [sys.executable, str(folder / "goldens.py")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GOLDENS_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return _failed(f"no answer within {GOLDENS_LIMIT_S} s")
    if done.returncode < 0:
        return _failed(f"killed by signal {-done.returncode} while the model ran")
    if done.returncode > 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        hint = "; see README.md for how to install what is needed" if "ModuleNotFoundError" in lines[-1] else ""
        return _failed(f"{lines[-1]}{hint}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _failed(detail: str) -> dict[str, Any]:
    return {"checks": [{"check": "goldens", "ok": False, "detail": detail}], "versions": {}}


def _show(checks: Sequence[dict[str, Any]], versions: dict[str, str]) -> None:
    for check in checks:
        print(f"{'ok  ' if check['ok'] else 'FAIL'}  {check['check']:<8}  {check['detail']}")
    for name, version in versions.items():
        print(f"      {name:<14}  {version}")


# What follows runs unless this file is imported under its own name. Asking for "__main__" instead would let one changed
# byte in that word turn the whole check into silence and exit code 0; so would a comment that touches the line below.

if __name__ != "selfcheck":
    main()
