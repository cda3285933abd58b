"""A run folder → what its finished stages cost, from the first bytes of their JSON files."""

import re
from pathlib import Path

from edgetl.core.run.run_folder import stage_file_name
from edgetl.core.run.stage_cost import StageCost
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, open_regular

# The costs are written before the record, which may have a line for each of 100 000 photos.
_HEAD_BYTES = 4096
_NUMBER = rb"(\d+(?:\.\d+)?)"
# Runs of earlier versions have the seconds alone.
_COST = re.compile(rb'"seconds":\s*%b(?:,\s*"processor_s":\s*%b,\s*"peak_bytes":\s*(\d+))?' % (_NUMBER, _NUMBER))


def read_durations(root: Path) -> dict[str, float]:
    """Map the name of each finished stage to its duration in seconds. A folder that does not exist has none."""
    return {name: cost.seconds for name, cost in read_costs(root).items()}


def read_costs(root: Path) -> dict[str, StageCost]:
    """Map the name of each finished stage to its cost. In runs of earlier versions only the seconds are not 0."""
    costs: dict[str, StageCost] = {}
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        path = folder / stage_file_name(folder.name)
        try:
            with open_regular(path, LARGEST_RECORD_BYTES, follow_links=False) as file:
                head = file.read(_HEAD_BYTES)
        except OSError:  # It is no finished stage: see `run_folder.read_finished_stage`.
            continue
        if match := _COST.search(head):
            seconds, processor_s, peak_bytes = (float(value or 0) for value in match.groups())
            costs[folder.name] = StageCost(seconds, processor_s, int(peak_bytes))
    return costs
