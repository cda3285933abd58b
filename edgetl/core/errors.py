"""The tree of errors and the exit code that each one ends the program with.

EdgetlError(message, *, where=(), hint="")
├── ConfigError     recipe, option or target file                            exit 2
├── DataError       the photos                                               exit 2
├── MissingPackage  an optional package; the hint names the extra            exit 2
├── StageError      a library failed: stage, input, log file                 exit 3
├── InternalError   an exception that no code expects; the log has it        exit 3
└── ContractBroken  the model works and exceeds a limit                      exit 1

`message` states what is wrong, `where` names the files, keys or counts, `hint` names the next step. Each is short.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

# Similarity of names from which one is suggested for the other, 0..1. At 0.5 "int88" suggests int8, and "zzz" nothing.
_SIMILARITY = 0.5
_MOST_SUGGESTIONS = 3
# Libraries write whole configurations into one line.
_LONGEST_LINE = 300


class EdgetlError(Exception):
    """An error that is shown to the user as one sentence, without a traceback."""

    exit_code = 3

    def __init__(self, message: str, *, where: Sequence[object] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = tuple(str(item) for item in where)
        self.hint = hint

    def __str__(self) -> str:
        # Notebooks and other programs print this. The command line lays out the same parts.
        places = [f"  at {item}" for item in self.where]
        return "\n".join([self.message, *places, *([f"  hint: {self.hint}"] if self.hint else [])])


class ConfigError(EdgetlError):
    """The recipe, an option or a target file has an impossible value."""

    exit_code = 2


class DataError(EdgetlError):
    """The photos cannot be used as they are. `left_out` has path and reason of every file that is not used."""

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        where: Sequence[object] = (),
        hint: str = "",
        left_out: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.left_out = tuple(left_out)


class MissingPackage(EdgetlError):  # noqa: N818  (named after the missing package)
    """An optional package is needed. The hint names the extra that installs it."""

    exit_code = 2


class StageError(EdgetlError):
    """A library failed, or wrote a file that must not be used."""

    exit_code = 3


class InternalError(EdgetlError):
    """An exception that no code expects: a defect of edgetl, or one of a library outside the steps of a build."""

    exit_code = 3


class ContractBroken(EdgetlError):  # noqa: N818
    """The model works and exceeds a limit of the contract."""

    exit_code = 1


def unknown_name(kind: str, name: str, valid_names: Iterable[str]) -> ConfigError:
    """Make the error for a misspelled name. The hint suggests similar names, or lists all if none is similar.

    Args:
        kind: what the name should be a name of, as in "base".
        name: the misspelled name.
        valid_names: all names that exist.
    """
    names = sorted(valid_names)
    similar = get_close_matches(name, names, n=_MOST_SUGGESTIONS, cutoff=_SIMILARITY)
    hint = f"did you mean {' or '.join(similar)}?" if similar else f"known: {', '.join(names)}"
    return ConfigError(f"unknown {kind} {name!r}", hint=hint)


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, or the name of its class if it has no message.

    A line is cut off after 300 characters.
    Of an OSError it is the reason in words, without the number of the error and the name of the file.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} …"
