"""What a finished stage was made from, kept beside its fingerprint: a hash alone does not say what has changed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgetl.core.run import source_code
from edgetl.core.run.fingerprint import list_versions
from edgetl.core.run.run_folder import stage_file_name
from edgetl.core.storage.files import hash_model, parse_json
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, read_regular


def describe_origin(function: str, arguments: Sequence[object]) -> dict[str, Any]:
    """Return the code, the versions of libraries and the files that a stage is made from.

    Args:
        function: full name of the function of the stage.
        arguments: its arguments.

    Returns:
        "code" → sha256, "libraries" → distribution → version, "files" → sha256 of each argument that is a path.

    Raises:
        OSError: a file cannot be read.
    """
    module = function.rpartition(".")[0]
    return {
        "code": source_code.hash_code(module),
        "libraries": list_versions(module),
        "files": [hash_model(argument) for argument in arguments if isinstance(argument, Path)],
    }


def read_origin(folder: Path) -> dict[str, Any]:
    """Read the origin of a finished stage; empty if there is none, or none was kept."""
    origin = _read_content(folder).get("origin")
    return origin if isinstance(origin, dict) else {}


def read_fingerprint(folder: Path) -> str:
    """Read the fingerprint of a finished stage, whether or not its files are intact; "" if there is none."""
    return str(_read_content(folder).get("fingerprint", ""))


def explain_difference(before: Mapping[str, Any], now: Mapping[str, Any], rest: str) -> str:
    """Say what has changed since a stage was made, in words.

    Args:
        before: origin of the finished stage; empty if it is not known.
        now: origin that it would have now.
        rest: the sentence for a difference in neither code nor libraries.
    """
    changes = []
    old, new = before.get("libraries"), now["libraries"]
    if isinstance(old, dict):
        changes += [
            f"{name} {old.get(name, 'absent')} → {new.get(name, 'absent')}"
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        ]
    if "code" in before and before["code"] != now["code"]:
        changes.append("the code of edgetl changed")
    return ", ".join(changes) or rest


def _read_content(folder: Path) -> dict[str, Any]:
    try:
        content = parse_json(
            read_regular(folder / stage_file_name(folder.name), LARGEST_RECORD_BYTES, follow_links=False)
        )
    except (OSError, ValueError):
        # Absent or edited by hand: then nothing is known of it, as of a stage that was never made.
        return {}
    return content if isinstance(content, dict) else {}
