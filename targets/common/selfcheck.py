"""Check that this device computes what the build computed: python3 selfcheck.py. Exit code 0 if it does, 1 if not.

Every file is compared with SHA256SUMS first, with the standard library alone. Only when all files are unchanged does
another file of the bundle run: golden_check.py decodes the golden photos and runs the model on them. It also verifies
this file, because a changed checker may not detect its own change. `sha256sum -c SHA256SUMS` checks the files as well.
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
GOLDEN_CHECK_TIMEOUT_S = 600
# Files that do not belong to the bundle but are expected: Python writes __pycache__ anywhere, setup.sh makes .venv and
# bench.py makes measure beside this file.
IGNORED_ANYWHERE = frozenset({"__pycache__"})
IGNORED = IGNORED_ANYWHERE | {".venv", "measure"}

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
# Every part begins with a letter or digit, which rules out "..", absolute paths and hidden files.
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every check and print the results; exit with code 1 if one failed."""
    parser = argparse.ArgumentParser(description="Check that this device computes what the build computed.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    problems = check_files(HERE)
    checks = [{"check": "files", "ok": not problems, "detail": "; ".join(problems) or "all files are unchanged"}]
    versions: dict[str, str] = {}
    if problems:
        checks.append({"check": "goldens", "ok": False, "detail": "not run: files of the bundle changed"})
    else:
        report = run_golden_check(HERE)
        checks += report["checks"]
        versions = report["versions"]
    ok = all(check["ok"] is True for check in checks)
    if options.json:
        print(json.dumps({"ok": ok, "checks": checks, "versions": versions}))
    else:
        _print_table(checks, versions)
    if not ok:
        sys.exit("This device does not compute what the build computed.")
    if not options.json:
        print("This device computes what the build computed.")


def check_files(folder: Path) -> list[str]:
    """Return the problems of the files of a bundle, each as "path: problem"; empty if all files are unchanged."""
    try:
        with (folder / SUMS).open("rb") as file:
            listed = _parse_sums(file.read(SUMS_LIMIT_BYTES))
    except OSError as error:
        return [f"{SUMS}: {error.strerror}"]
    except ValueError as error:
        return [f"{SUMS}: {error}"]
    present = _list_files(folder)
    problems = [f"{path}: missing" for path in listed if path not in present]
    for path in present:
        if path not in listed and path != SUMS:
            problems.append(f"{path}: not part of the bundle")
        elif (folder / path).is_symlink():
            problems.append(f"{path}: a link, not a file")
        elif path != SUMS:
            problems += _compare_digest(folder, path, listed[path])
    return sorted(problems)


def _parse_sums(content: bytes) -> dict[str, str]:
    """Map path → sha256.

    The last line of SHA256SUMS is the digest of the lines above, so that a change of SHA256SUMS itself is detected.

    Raises:
        ValueError: the file changed, or names something that cannot be a file of the bundle.
    """
    body, _, last_line = content.rpartition(b"# ")
    if last_line != f"{hashlib.sha256(body).hexdigest()}  the lines above\n".encode("ascii"):
        raise ValueError("changed")
    listed: dict[str, str] = {}
    for line in body.decode("ascii").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or _PATH.fullmatch(match[2]) is None:
            raise ValueError(f"a line does not name a file of the bundle: {line!r}")
        listed[match[2]] = match[1]
    # splitlines() also splits at other characters than \n, and a repeated path is a single key.
    if list(listed) != sorted(listed) or len(listed) != body.count(b"\n"):
        raise ValueError("the lines are not sorted, or a file is named twice")
    return listed


def _list_files(folder: Path) -> list[str]:
    """List every file below `folder`. Links are listed and never followed."""
    paths: list[str] = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        ignored = IGNORED if Path(parent) == folder else IGNORED_ANYWHERE
        # os.walk counts a link to a folder among the folders.
        links = [name for name in folders if (Path(parent) / name).is_symlink() and name not in ignored]
        folders[:] = [name for name in folders if name not in ignored]
        paths += [(Path(parent) / name).relative_to(folder).as_posix() for name in (*files, *links)]
    return sorted(paths)


def _compare_digest(folder: Path, path: str, expected: str) -> list[str]:
    digest = hashlib.sha256()
    try:
        with (folder / path).open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        return [f"{path}: {error.strerror}"]
    return [] if digest.hexdigest() == expected else [f"{path}: changed"]


def run_golden_check(folder: Path) -> dict[str, Any]:
    """Run golden_check.py and return its report.

    It is a process of its own: a runtime that crashes on this processor is a failed check, not the end of this program.
    """
    command = [sys.executable, str(folder / "golden_check.py")]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=GOLDEN_CHECK_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return _make_failure(f"golden_check.py did not end within {GOLDEN_CHECK_TIMEOUT_S} s")
    if completed.returncode < 0:
        return _make_failure(f"killed by signal {-completed.returncode} while the model ran")
    if completed.returncode > 0:
        lines = completed.stderr.strip().splitlines() or ["no message"]
        hint = "; README.md describes how to install the packages" if "ModuleNotFoundError" in lines[-1] else ""
        return _make_failure(f"{lines[-1]}{hint}")
    report: dict[str, Any] = json.loads(completed.stdout)
    return report


def _make_failure(detail: str) -> dict[str, Any]:
    return {"checks": [{"check": "goldens", "ok": False, "detail": detail}], "versions": {}}


def _escape_character(character: str) -> str:
    """Escape a character that could control the terminal. A file that was added may have any name."""
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def _print_table(checks: Sequence[dict[str, Any]], versions: dict[str, str]) -> None:
    for check in checks:
        detail = "".join(map(_escape_character, check["detail"]))
        print(f"{'ok  ' if check['ok'] else 'FAIL'}  {check['check']:<8}  {detail}")
    for name, version in versions.items():
        print(f"      {name:<14}  {version}")


# The last lines run unless this file is imported under its own name. Comparing with "__main__" instead would be unsafe:
# one changed byte in that word would turn the check into silence and exit code 0. The empty line below is needed for
# the same reason: without it, one changed byte would make the next line a part of this comment.

if __name__ != "selfcheck":
    main()
