#!/usr/bin/env python3
"""Measure what training costs by the number of photos: duration, memory and disk.

    python tools/measure_scale.py --weights FILE.h5 --photos 1000 --photos 5500 --photos 10000 --photos 100000

Photos of 160 px in five classes are generated before the clock starts. `edgetl train` then runs on them in a process of
its own with an empty cache: MobileNetV2, features of frozen layers computed once, the last three layers unfrozen, few
epochs. Memory is the highest sum over that process and the processes that it forks, sampled every 0.2 s. Anonymous
memory cannot be reclaimed by the system. Resident memory also counts pages of the memory-mapped stores, which can be
reclaimed. Disk is the size of the cache afterwards. The duration per further photo between neighbouring sizes shows
whether the cost is linear, whatever the start costs. With --rounds the sizes are measured in turn, and the medians are
printed.
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

from tools.errors import report_errors
from tools.results_files import Row, add_write_option, check_machine, describe_machine, write_rows

_SIDE_PX = 160
_CLASSES = 5
# Short peaks between two samples are missed; more frequent sampling would itself take part of a core.
_SAMPLE_S = 0.2
_RECIPE = """preset = "classic"

[phase1]
epochs = 2

[phase2]
epochs = 2
"""


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / "scale.jsonl")
    counts = sorted(options.photos or [1000, 5500, 10_000])
    rounds: list[list[dict[str, float]]] = []
    for _ in range(options.rounds):
        rounds.append([])
        for count in counts:
            rounds[-1].append(_measure_training(count, options))
            print(json.dumps(rounds[-1][-1]), file=sys.stderr)
    rows: list[Row] = [
        {key: statistics.median(row[key] for row in same_size) for key in same_size[0]} | {"rounds": options.rounds}
        for same_size in zip(*rounds, strict=True)
    ]
    if options.write:
        write_rows(options.write / "scale.jsonl", rows, ("photos",))
    steps = [
        {
            "from_photos": fewer["photos"],
            "to_photos": more["photos"],
            "ms_per_further_photo": round(
                1e3 * (more["seconds"] - fewer["seconds"]) / (more["photos"] - fewer["photos"]), 3
            ),
        }
        for fewer, more in pairwise(rows)
    ]
    summary = {"machine": describe_machine(), "medians": rows, "steps": steps}
    print(json.dumps(summary, indent=None if options.json else 1))


def _measure_training(count: int, options: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        photos, cache, recipe = Path(folder) / "photos", Path(folder) / "cache", Path(folder) / "recipe.toml"
        generate_photos(photos, count)
        recipe.write_text(_RECIPE, encoding="utf-8")
        command = [sys.executable, __file__, "--child", folder, str(photos), "--side", str(_SIDE_PX)]
        command += ["--recipe", str(recipe), "--alpha", str(options.alpha), "--weights", str(options.weights)]
        environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        with (Path(folder) / "log").open("w") as log:
            child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        anonymous = resident = 0
        while child.poll() is None:
            # The pixel store forks processes, which come and go during training.
            memory = [_read_memory(process) for process in _list_family(child.pid)]
            anonymous = max(anonymous, sum(figures[0] for figures in memory))
            resident = max(resident, sum(figures[1] for figures in memory))
            time.sleep(_SAMPLE_S)
        if child.returncode:
            print((Path(folder) / "log").read_text(encoding="utf-8"), file=sys.stderr)
            sys.exit(f"edgetl train ended with exit code {child.returncode}")
        assert child.stdout is not None
        seconds = float(child.stdout.read().strip().splitlines()[-1])
        cache_bytes = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())
        photos_bytes = sum(path.stat().st_size for path in photos.rglob("*.jpg"))
    return {
        "photos": count,
        "seconds": round(seconds, 2),
        "peak_anonymous_bytes": anonymous,
        "peak_resident_bytes": resident,
        "cache_bytes": cache_bytes,
        "photos_bytes": photos_bytes,
    }


def generate_photos(folder: Path, count: int) -> None:
    """Write JPEGs of 160 px: blurred random patches, in each class around a colour of its own."""
    for label in range(_CLASSES):
        (folder / str(label)).mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(partial(_generate_photo, folder), range(count), chunksize=256):
            pass


def _generate_photo(folder: Path, number: int) -> None:
    label = number % _CLASSES
    # Every photo has its own generator, so that the processes may draw them in any order.
    rng = np.random.default_rng(number)
    colour = np.random.default_rng((1, label)).integers(60, 196, 3)
    patches = np.clip(colour + rng.normal(0, 60, (10, 10, 3)), 0, 255).astype(np.uint8)
    blurred = Image.fromarray(patches).resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BICUBIC)
    blurred.save(folder / str(label) / f"{number}.jpg", quality=85)


def _list_family(process: int) -> list[int]:
    """List a process and all its descendants."""
    family = [process]
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            family += [member for child in task.read_text().split() for member in _list_family(int(child))]
        except OSError:  # The process has ended meanwhile.
            continue
    return family


def _read_memory(process: int) -> tuple[int, int]:
    """Return anonymous and resident bytes of a process, zeros if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    # As in "RssAnon:     1234 kB".
    kilobytes = {
        line.partition(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "VmRSS"))
    }
    return 1024 * kilobytes.get("RssAnon", 0), 1024 * kilobytes.get("VmRSS", 0)


def _run_child(folder: str, arguments: list[str]) -> None:
    """Run `edgetl train` in this process and print its seconds; modules are imported before the clock starts."""
    from edgetl import cli
    from edgetl.stages import ingest, train

    # The command line imports stages lazily; these two take seconds.
    assert ingest and train
    start = time.perf_counter()
    code = cli.run(["train", *arguments, "--out", str(Path(folder) / "run"), "--quiet"])
    print(time.perf_counter() - start)
    sys.exit(code)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what training costs by the number of photos.")
    parser.add_argument("--photos", type=int, action="append", help="number of photos; may be repeated")
    parser.add_argument("--weights", type=Path, required=True, help="weights of MobileNetV2 without top")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--alpha", type=float, default=0.35)
    parser.add_argument("--json", action="store_true", help="print one line")
    add_write_option(parser)
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        if sys.argv[1:2] == ["--child"]:
            _run_child(sys.argv[2], sys.argv[3:])
        else:
            main()
