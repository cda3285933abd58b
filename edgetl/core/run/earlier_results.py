"""Finished stages of an earlier model, renamed and with a note, so that they are not mistaken for the current ones."""

from pathlib import Path

from edgetl.core.storage.files import write_text
from edgetl.core.storage.regular_files import remove_entry

PREFIX = "earlier-"
NOTE = "README.txt"


def set_aside(root: Path, pattern: str, reason: str) -> None:
    """Rename the finished stages of a run folder that match a pattern, and write a note into each.

    Only the latest of a name is kept.

    Args:
        root: the run folder.
        pattern: glob of the names, as in "bundle-*".
        reason: why they must not be used, a sentence without a full stop.

    Raises:
        OSError: a folder cannot be renamed, or the note cannot be written.
    """
    for folder in sorted(root.glob(pattern)):
        # A link leads out of the run folder: what is there belongs to somebody else.
        if folder.is_symlink() or not folder.is_dir():
            continue
        aside = name_earlier(folder)
        remove_entry(aside)
        write_text(folder / NOTE, f"{folder.name} is out of date: {reason}.\nedgetl build makes it again.\n")
        folder.rename(aside)


def remove_earlier(folder: Path) -> None:
    """Remove the earlier result of a stage that is finished now."""
    remove_entry(name_earlier(folder))


def name_earlier(folder: Path) -> Path:
    """Return the path under which an earlier result of a stage is kept."""
    return folder.with_name(PREFIX + folder.name)
