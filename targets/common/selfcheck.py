"""Check that this device computes what the build computed: python3 selfcheck.py. Exit code 0 if it does, 1 if not.

check_files.py compares every file with SHA256SUMS first, with the standard library alone. Only when all files are
unchanged does another file of the bundle run: golden_check.py decodes the golden photos and runs the model on them. It
also verifies this file and check_files.py, because a changed checker may not detect its own change.
`sha256sum -c SHA256SUMS` checks the files as well.

The last line states the number of files and the identity of the bundle, the first digits of the SHA-256 of SHA256SUMS.
setup.sh and edgetl require exactly that line: a program that was cut off ends with exit code 0 too, but silently.
"""

import posix
import sys

# A file json.py of this folder, for example, would be imported in place of Python's own. check_files.py removes the
# folder from the path of imports, and this program never adds it. A link is not followed, a pipe is not waited for.
_FOLDER = sys.path[0] if not getattr(sys.flags, "safe_path", sys.flags.isolated) else __file__.rpartition("/")[0]
_CHECKER = {"__name__": "check_files"}
try:
    with open(
        f"{_FOLDER}/check_files.py",
        "rb",
        opener=lambda path, flags: posix.open(path, flags | posix.O_NOFOLLOW | posix.O_NONBLOCK),
    ) as _file:
        exec(_file.read(), _CHECKER)  # noqa: S102
    # `main` is the last function: without it, the file was cut off.
    _CHECKER["restrict_imports"](), _CHECKER["main"]  # type: ignore[operator]
except Exception as _error:  # noqa: BLE001  (a changed file can raise anything)
    print(f"check_files.py: {_error!r}", file=sys.stderr)
    sys.exit("check_files.py changed: copy the bundle again")

import argparse  # noqa: E402
import json  # noqa: E402
import subprocess  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

HERE = Path(_FOLDER)
GOLDEN_CHECK_TIMEOUT_S = 600
# The checks of golden_check.py. All of them must be in its report.
GOLDEN_CHECKS = ("pixels", "outputs", "answers", "runtime")


def main(arguments: "Sequence[str] | None" = None) -> None:
    """Run every check and print the results; exit with code 1 if one failed."""
    parser = argparse.ArgumentParser(description="Check that this device computes what the build computed.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    checker: dict[str, Any] = _CHECKER
    problems: list[str] = checker["list_problems"](HERE)
    checks = [{"check": "files", "ok": problems == [], "detail": "all files are unchanged"}]
    versions: dict[str, str] = {}
    if problems != []:
        checks[0]["detail"] = "; ".join(problems[: checker["PROBLEMS_LIMIT"]])
        checks.append({"check": "goldens", "ok": False, "detail": "not run: files of the bundle changed"})
    else:
        report = run_golden_check(HERE)
        checks += report["checks"]
        versions = report["versions"]
    ok = all(check["ok"] is True for check in checks)
    bundle = checker["describe_bundle"](HERE) if ok else ""
    if options.json:
        print(json.dumps({"ok": ok, "bundle": bundle, "checks": checks, "versions": versions}))
    else:
        _print_table(checks, versions)
    if not ok:
        remedy = f" {checker['REMEDY']}" if problems else ""
        sys.exit(f"This device does not compute what the build computed.{remedy}")
    if not options.json:
        print(f"This device computes what the build computed ({bundle}).")


def run_golden_check(folder: Path) -> dict[str, Any]:
    """Run golden_check.py and return its report.

    It is a process of its own: a runtime that crashes on this processor is a failed check, not the end of this program.
    """
    # -B: a folder __pycache__ is not part of the bundle.
    command = [sys.executable, "-B", str(folder / "golden_check.py")]
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
    try:
        report: dict[str, Any] = json.loads(completed.stdout)
        names = tuple(check["check"] for check in report["checks"])
    except (ValueError, LookupError, TypeError):
        return _make_failure("golden_check.py printed no report")
    return report if names == GOLDEN_CHECKS else _make_failure(f"golden_check.py ran {names}, not {GOLDEN_CHECKS}")


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


# The program runs under every name: comparing with "__main__" would be unsafe, because one changed byte in that word
# would turn the check into silence and exit code 0. The empty line below is needed for the same reason: without it,
# one changed byte would make the next line a part of this comment.

main()
