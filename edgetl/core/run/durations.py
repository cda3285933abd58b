"""A run folder → how long its finished stages took, from the first bytes of their JSON files."""

import re
from pathlib import Path

from edgetl.core.run.run_folder import stage_file_name
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, open_regular

# The duration is written before the record, which may have a line for each of 100 000 photos.
_HEAD_BYTES = 4096
_SECONDS = re.compile(rb'"seconds":\s*(\d+(?:\.\d+)?)')


def read_durations(root: Path) -> dict[str, float]:
    """Map the name of each finished stage to its duration in seconds. A folder that does not exist has none."""
    durations: dict[str, float] = {}
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        path = folder / stage_file_name(folder.name)
        try:
            with open_regular(path, LARGEST_RECORD_BYTES, follow_links=False) as file:
                match = _SECONDS.search(file.read(_HEAD_BYTES))
        except OSError:  # It is no finished stage: see `run_folder.read_finished_stage`.
            continue
        if match:
            durations[folder.name] = float(match[1])
    return durations
