"""The tree of errors and the exit code each one ends the program with.

EdgetlError(message, *, where=(), hint="")
├── ConfigError     recipe, flag or target file                              exit 2
├── DataError       the photos                                               exit 2
├── MissingPackage  names the exact extra to install                         exit 2
├── StageError      a foreign library failed: stage, input, log file         exit 3
├── InternalError   a defect of edgetl, with the log that has its traceback  exit 3
└── ContractBroken  the model works and misses a limit                       exit 1

`message` says what is wrong, `where` names the files, keys or counts, `hint` says what to do. Each is short.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class EdgetlError(Exception):
    """An error that is shown to the user in one sentence, never as a traceback."""

    exit_code = 3

    def __init__(self, message: str, *, where: Sequence[object] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = tuple(str(item) for item in where)
        self.hint = hint


class ConfigError(EdgetlError):
    """The recipe, an option or a target file asks for something impossible."""

    exit_code = 2


class DataError(EdgetlError):
    """The photos cannot be used as they are."""

    exit_code = 2


class MissingPackage(EdgetlError):  # noqa: N818  (named after what is missing, as the design does)
    """An optional package is needed; the hint names the extra to install."""

    exit_code = 2


class StageError(EdgetlError):
    """A foreign library failed, or made something that must not be shipped."""

    exit_code = 3


class InternalError(EdgetlError):
    """A defect of edgetl: an exception that no code expects."""

    exit_code = 3


class ContractBroken(EdgetlError):  # noqa: N818
    """The model works and misses a limit of the contract."""

    exit_code = 1


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """Return the error for a misspelt name, with the closest known names as its hint."""
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(names)}"
    return ConfigError(f"unknown {kind} {name!r}", hint=hint)


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error message, or the name of its class where it has no message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
