#!/usr/bin/env python3
"""What training costs as the photos become many: seconds, memory and disk.

    python tools/measure_scale.py --weights FILE.h5 --photos 1000 --photos 5500 --photos 10000 --photos 100000

Photos of 160 px in five classes are generated (outside the clock), and `edgetl train` runs on them in a process of its
own with an empty cache: MobileNetV2, frozen layers computed once, the last three layers unfrozen, few epochs. Memory is
the highest sum over that process and those it forks, looked at every fifth of a second: anonymous memory, which the
system cannot take back, and resident memory, in which pages of the memory-mapped stores count as long as nobody else
needs the room. Disk is what lies in the cache afterwards. Seconds per further photo between neighbouring sizes show
whether the cost is linear, whatever the start costs. With --rounds the sizes take turns, and medians are printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from edgetl.core.machine import count_cores, read_processor_name

SIDE_PX = 160
CLASSES = 5
RECIPE = """preset = "classic"

[phase1]
epochs = 2

[phase2]
epochs = 2
"""


def main() -> None:
    """Measure and print."""
    options = _options()
    counts = sorted(options.photos or [1000, 5500, 10_000])
    rounds: list[list[dict[str, float]]] = []
    for _ in range(options.rounds):
        rounds.append([])
        for count in counts:
            rounds[-1].append(_measured(count, options))
            print(json.dumps(rounds[-1][-1]), file=sys.stderr)
    measured = [
        {key: statistics.median(run[key] for run in runs) for key in runs[0]} for runs in zip(*rounds, strict=True)
    ]
    steps = [
        {
            "from_photos": less["photos"],
            "to_photos": more["photos"],
            "ms_per_further_photo": round(
                1e3 * (more["seconds"] - less["seconds"]) / (more["photos"] - less["photos"]), 3
            ),
        }
        for less, more in pairwise(measured)
    ]
    machine = {"cores": count_cores(), "processor": read_processor_name()}
    print(
        json.dumps(
            {"machine": machine, "rounds": options.rounds, "medians": measured, "steps": steps},
            indent=None if options.json else 1,
        )
    )


def _measured(count: int, options: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        photos, cache = Path(folder) / "photos", Path(folder) / "cache"
        generate(photos, count)
        (Path(folder) / "recipe.toml").write_text(RECIPE, encoding="utf-8")
        command = [sys.executable, __file__, "--child", folder, str(photos), "--side", str(SIDE_PX)]
        command += [
            "--recipe",
            f"{folder}/recipe.toml",
            "--alpha",
            str(options.alpha),
            "--weights",
            str(options.weights),
        ]
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        anonymous = resident = 0
        while child.poll() is None:
            now = [_memory(process) for process in _family(child.pid)]
            anonymous = max(anonymous, sum(memory[0] for memory in now))
            resident = max(resident, sum(memory[1] for memory in now))
            time.sleep(0.2)
        if child.returncode:
            sys.exit(f"edgetl train ended with {child.returncode}")
        assert child.stdout is not None
        seconds = float(child.stdout.read().strip().splitlines()[-1])
        disk = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
        jpeg = sum(path.stat().st_size for path in photos.rglob("*.jpg"))
    return {
        "photos": count,
        "seconds": round(seconds, 2),
        "peak_anonymous_bytes": anonymous,
        "peak_resident_bytes": resident,
        "cache_bytes": disk,
        "photos_bytes": jpeg,
    }


def generate(folder: Path, count: int) -> None:
    """Write JPEGs of 160 px: blurred random patches, each class around a colour of its own."""
    for label in range(CLASSES):
        (folder / str(label)).mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(partial(_photo, folder), range(count), chunksize=256):
            pass


def _photo(folder: Path, number: int) -> None:
    rng = np.random.default_rng(number)
    colour = np.random.default_rng((1, number % CLASSES)).integers(60, 196, 3)
    patches = np.clip(colour + rng.normal(0, 60, (10, 10, 3)), 0, 255).astype(np.uint8)
    blurred = Image.fromarray(patches).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    blurred.save(folder / str(number % CLASSES) / f"{number}.jpg", quality=85)


def _family(process: int) -> list[int]:
    """A process and all that descend from it."""
    family = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            family += [member for child in task.read_text().split() for member in _family(int(child))]
        except OSError:  # It ended while we looked.
            continue
    return family


def _memory(process: int) -> tuple[int, int]:
    """Anonymous and resident bytes of a process; none once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    told = {line.partition(":")[0]: line.split()[1] for line in lines if line.startswith(("RssAnon", "VmRSS"))}
    return 1024 * int(told.get("RssAnon", 0)), 1024 * int(told.get("VmRSS", 0))


def _child(folder: str, arguments: list[str]) -> None:
    """One timed `edgetl train` in this process, its imports done before the clock starts."""
    from edgetl import cli, stages

    _ = stages.train, stages.ingest
    start = time.perf_counter()
    code = cli.run(["train", *arguments, "--out", str(Path(folder) / "run"), "--quiet"])
    print(time.perf_counter() - start)
    sys.exit(code)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What training costs as the photos become many.")
    parser.add_argument("--photos", type=int, action="append", help="how many; can be given often")
    parser.add_argument("--weights", type=Path, required=True, help="MobileNetV2's weights without top")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--alpha", type=float, default=0.35)
    parser.add_argument("--json", action="store_true", help="one line")
    return parser.parse_args()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], sys.argv[3:])
    else:
        main()
