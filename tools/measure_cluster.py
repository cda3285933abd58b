#!/usr/bin/env python3
"""Measure decoding and frozen features on Ray nodes of one core each, which are simulated on this machine.

    python tools/measure_cluster.py PHOTOS --weights FILE.h5 --side 96 --photos 2000 --nodes 1 --nodes 2 --nodes 4

Each number of nodes begins with empty caches. A row has the seconds of both steps, the processor seconds of the workers
and of this process, and the load of the machine before. The workers start in these seconds. More nodes than cores of
this machine cannot be faster: their row shows what they cost.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edgetl.core.execution.executor import Executor
from edgetl.core.photos import pixel_store
from edgetl.core.photos.photo_folder import scan_photos
from edgetl.core.photos.pixel_store import StoreFilling
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.records import InputSpec
from edgetl.engines.keras import build, split_points
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView
from edgetl.engines.ray_cluster import connect_to_ray
from tools.errors import report_errors
from tools.ray_nodes import start_nodes
from tools.results_files import Row, add_write_option, check_machine, describe_machine, write_rows

_WORKER = b"ray::"


def main() -> None:
    """Measure and print."""
    options = _parse_options()
    if options.write:
        check_machine(options.write / "cluster.jsonl")
    rows: list[Row] = []
    for nodes in options.nodes:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            # The workers inherit it: they write nothing there.
            os.environ["XDG_CACHE_HOME"] = folder
            load = round(os.getloadavg()[0], 2)
            cluster = stack.enter_context(start_nodes(nodes))
            executor = stack.enter_context(connect_to_ray(cluster.address))
            rows.append({"nodes": nodes, "load": load, **measure(options, executor)})
            print(json.dumps(rows[-1]), file=sys.stderr)
    if options.write:
        write_rows(options.write / "cluster.jsonl", rows, ("nodes",))
    print(json.dumps({"machine": describe_machine(), "rows": rows}, indent=None if options.json else 1))


def measure(options: argparse.Namespace, executor: Executor) -> Row:
    """Decode the photos, and compute their features at the pooling.

    Args:
        options: of the command line.
        executor: runs both.

    Returns:
        Photos, and for each step its seconds, and the processor seconds of the workers and of this process.
    """
    spec = InputSpec(height_px=options.side, width_px=options.side, fit="crop")
    folder = scan_photos(options.photos_folder)
    paths = folder.paths[: options.photos]
    filling = StoreFilling(progress=lambda _: None, executor=executor)
    facts, decoding = measure_step("decode", lambda: pixel_store.decode_photos(folder.root, paths, spec, filling))
    sha256s = sorted({photo.sha256 for photo in facts if not photo.problem})
    recipe = resolve_recipe("classic", {"base": {"weights": str(options.weights), "side_px": options.side}})
    model = build.assemble_model(recipe.base, recipe.head, len(folder.classes), options.weights)
    pooling = [point for point in split_points.find_split_points(model) if point.name == build.POOLING]
    frozen = FrozenPart(model, pooling, spec, executor=executor)
    view = PhotoView(key="plain", sha256s=sha256s, pixels=pixel_store.open_pixels(sha256s, spec).rows)
    _, features = measure_step("features", lambda: frozen.compute_missing([view], lambda _: None))
    return {"photos": len(sha256s), **decoding, **features}


def measure_step(name: str, work: Callable[[], Any]) -> tuple[Any, Row]:
    """Return the result of a step, its seconds, and the processor seconds of the workers and of this process.

    Args:
        name: of the step, which begins the names of the values.
        work: the step. Its workers run until it ends.
    """
    start, own, workers = time.perf_counter(), time.process_time(), count_worker_seconds()
    result = work()
    return result, {
        f"{name}_s": round(time.perf_counter() - start, 2),
        f"{name}_worker_cpu_s": round(count_worker_seconds() - workers, 2),
        f"{name}_own_cpu_s": round(time.process_time() - own, 2),
    }


def count_worker_seconds(processes: Path = Path("/proc")) -> float:
    """Return the processor seconds of all workers of Ray on this machine that run now."""
    ticks = 0
    for process in processes.glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes().startswith(_WORKER):
                # Source: proc(5): utime and stime are fields 14 and 15; the name in field 2 may contain spaces.
                fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos_folder", type=Path, metavar="PHOTOS", help="class folders of photos")
    parser.add_argument("--weights", type=Path, required=True, help="weights of the base of the recipe classic")
    parser.add_argument("--side", type=int, default=96, help="side of the input, px")
    parser.add_argument("--photos", type=int, default=2000, help="use the first so many photos")
    parser.add_argument("--nodes", type=int, action="append", help="number of nodes; may be repeated (1, 2 and 4)")
    parser.add_argument("--json", action="store_true", help="print one line")
    add_write_option(parser)
    options = parser.parse_args()
    options.nodes = options.nodes or [1, 2, 4]
    return options


if __name__ == "__main__":
    with report_errors():
        main()
