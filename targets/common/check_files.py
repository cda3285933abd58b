"""Verify every file of this bundle: python3 check_files.py. Exit code 0 if all are unchanged, 1 if not.

Every program of the bundle does the same at its start, before it imports anything from this folder. Each file is
compared with SHA256SUMS; links, special files, and whatever is not listed there are named. The folders USER_FOLDERS
beside this file are for files of the user: they are not verified, and nothing is imported from them.

Needs the standard library alone. The line printed states the number of files and the identity of the bundle: a caller
that demands exactly this line notices a program that ends early.
"""

import sys

SEARCH_PATH = tuple(sys.path)


def restrict_imports() -> None:
    """Import from the standard library alone from here on.

    Python looks into the folder of the program first: a file json.py in it would be imported in place of Python's own.
    """
    sys.path[:] = [
        folder
        for folder in SEARCH_PATH[not sys.flags.isolated :]
        if folder.startswith(f"{sys.base_prefix}/lib") and "-packages" not in folder
    ]


restrict_imports()

import hashlib  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import signal  # noqa: E402
import stat  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path[:] = SEARCH_PATH

SUMS = "SHA256SUMS"
SUMS_LIMIT_BYTES = 1_000_000
# setup.sh makes .venv, bench.py writes into measure, and photos is for photos of the user.
USER_FOLDERS = frozenset({".venv", "measure", "photos"})
IDENTITY_DIGITS = 12
PROBLEMS_LIMIT = 20
REMEDY = (
    "This bundle changed: none of its programs is started. Remove what is not part of it, or copy the bundle again. "
    "Your photos may be in its folder photos; keep your programs outside of it."
)

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
# Every part begins with a letter or digit, which rules out "..", absolute paths and hidden files.
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def list_problems(folder: Path) -> "list[str]":
    """Return the problems of the files of a bundle, each as "path: problem"; empty if all files are unchanged."""
    try:
        listed = _parse_sums(_read_sums(folder))
    except (OSError, ValueError) as error:
        return [f"{SUMS}: {_explain(error)}"]
    present, problems = _scan_folder(folder, "", listed)
    problems += [f"{path}: missing" for path in listed if path not in present]
    return sorted(problems)


def describe_bundle(folder: Path) -> str:
    """Return number of files and identity of an unchanged bundle, such as "24 files, bundle 0123456789ab".

    The identity is the beginning of the SHA-256 of SHA256SUMS.
    """
    content = _read_sums(folder)
    return f"{len(_parse_sums(content))} files, bundle {hashlib.sha256(content).hexdigest()[:IDENTITY_DIGITS]}"


def _scan_folder(folder: Path, parent: str, listed: "dict[str, str]") -> "tuple[set[str], list[str]]":
    """Compare everything below `parent`, a path in the bundle that is empty or ends with a slash.

    Returns:
        The listed paths that exist, and the problems.
    """
    present: set[str] = set()
    problems: list[str] = []
    try:
        names = sorted(os.listdir(folder / parent))  # noqa: PTH208  (names, not paths)
    except OSError as error:
        return present, [f"{parent}: {_explain(error)}"]
    for name in names:
        path = f"{parent}{name}"
        kind = stat.S_IFMT((folder / path).lstat().st_mode)
        problem = ""
        if path in listed:
            present.add(path)
            problem = _compare_digest(folder / path, kind, listed[path])
        elif path in USER_FOLDERS or any(file.startswith(f"{path}/") for file in listed):
            if kind != stat.S_IFDIR:
                problem = f"{_KINDS[kind]}, not a folder"
            elif path not in USER_FOLDERS:
                present_below, problems_below = _scan_folder(folder, f"{path}/", listed)
                present |= present_below
                problems += problems_below
        elif path != SUMS:
            problem = f"{_KINDS[kind]} that is not part of the bundle"
        if problem:
            # The name of an added file may contain characters that move the cursor of a terminal.
            printable = path if path.isascii() and path.isprintable() else ascii(path)
            problems.append(f"{printable}: {problem}")
    return present, problems


def _read_sums(folder: Path) -> bytes:
    """Read SHA256SUMS. Raises OSError if it cannot be read, ValueError if it is not a regular file."""
    kind = stat.S_IFMT((folder / SUMS).lstat().st_mode)
    if kind != stat.S_IFREG:
        raise ValueError(f"{_KINDS[kind]}, not a file")
    with open(folder / SUMS, "rb", opener=_open_regular) as file:
        return file.read(SUMS_LIMIT_BYTES)


def _parse_sums(content: bytes) -> "dict[str, str]":
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


def _compare_digest(path: Path, kind: int, expected: str) -> str:
    """Return the problem of a listed file of that kind; empty if it is unchanged."""
    if kind != stat.S_IFREG:
        return f"{_KINDS[kind]}, not a file"
    digest = hashlib.sha256()
    try:
        with open(path, "rb", opener=_open_regular) as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        return _explain(error)
    return "" if digest.hexdigest() == expected else "changed"


def _open_regular(path: str, flags: int) -> int:
    # A link that was made meanwhile is not followed, and a pipe without a writer is not waited for.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _explain(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "missing"
    return getattr(error, "strerror", None) or str(error)


def format_problems(problems: "list[str]") -> str:
    """Format problems as lines: the first of them, how many more there are, and what to do."""
    more = len(problems) - PROBLEMS_LIMIT
    return "\n".join([*problems[:PROBLEMS_LIMIT], *([f"and {more} more"] if more > 0 else []), REMEDY])


def verify_bundle(folder: str) -> bool:
    """Let a program of the bundle start: return True, with `folder` first on the path of imports.

    If a file changed, print the problems and exit with code 2. No bytecode is written from here on: __pycache__ is not
    part of the bundle, because Python would run a file in it in place of the program beside it.
    """
    sys.dont_write_bytecode = True
    problems = list_problems(Path(folder))
    if problems:
        print(format_problems(problems), file=sys.stderr)
        sys.exit(2)
    if sys.path[0] != folder:
        sys.path.insert(0, folder)
    # Imports take seconds on a small board. Until the program handles Ctrl+C, it ends without a traceback of them.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return True


def main() -> None:
    """Print that all files are unchanged; or print the problems and exit with code 1."""
    folder = Path(__file__).absolute().parent
    problems = list_problems(folder)
    if problems:
        print(format_problems(problems))
        sys.exit(1)
    print(f"All files are unchanged ({describe_bundle(folder)}).")


# The last lines run unless this file is imported, or executed by another program, under its own name. Comparing with
# "__main__" instead would be unsafe: one changed byte in that word would turn the check into silence and exit code 0.
# The empty line below is needed for the same reason: without it, one changed byte would make the next line a part of
# this comment.

if __name__ != "check_files":
    main()
