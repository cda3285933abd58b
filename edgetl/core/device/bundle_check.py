"""Checks of a bundle by its record, before a program of it runs, and of the last line of its self-check."""

import stat

from edgetl.core.device import bundle_files
from edgetl.core.errors import StageError
from edgetl.core.records import Bundle
from edgetl.core.storage.files import hash_file
from edgetl.core.storage.regular_files import LARGEST_TEXT_BYTES, read_regular


def check_record(bundle: Bundle) -> None:
    """Check that the files of a bundle are those of its record; other files are left to the bundle's own check.

    Raises:
        StageError: a file is missing, changed, or not a regular file.
    """
    changed = [name for name, digest in bundle.files.items() if not _has_digest(bundle, name, digest)]
    if changed:
        stage_folder = bundle.root.parent
        raise StageError(
            "the bundle changed since it was made",
            where=tuple(bundle.root / name for name in changed),
            hint=f"remove {stage_folder} and run edgetl bundle {stage_folder.parent}",
        )


def require_closing_line(bundle: Bundle, name: str, output: str, exit_code: int) -> None:
    """Check that the output of selfcheck.py, or of setup.sh, ends with the line of a complete check of this bundle.

    Args:
        bundle: the bundle.
        name: the machine that ran the program.
        output: what the program printed.
        exit_code: of the program.

    Raises:
        StageError: the last line is another one, or the exit code is not 0.
    """
    checksums = read_regular(bundle.root / bundle_files.CHECKSUMS, LARGEST_TEXT_BYTES, follow_links=False)
    expected = bundle_files.format_closing_line(checksums)
    lines = output.splitlines()
    if lines[-1:] != [expected] or exit_code:
        failures = [line.strip() for line in lines if "FAIL" in line]
        reason = "; ".join(failures) or f"the last line of its self-check is {lines[-1] if lines else ''!r}"
        raise StageError(f"{name} does not compute what the build computed: {reason}", where=(bundle.root,))


def _has_digest(bundle: Bundle, name: str, digest: str) -> bool:
    path = bundle.root / name
    try:
        # A link may lead to a file of another bundle.
        return stat.S_ISREG(path.lstat().st_mode) and hash_file(path) == digest
    except OSError:
        return False
