#!/usr/bin/env python3
"""Render the tables of measured results into README.md and docs/, between the markers of each table.

    python tools/results_tables.py             # render every table anew, in place
    python tools/results_tables.py --check     # change nothing; exit code 1 if a file is out of date
    python tools/results_tables.py --list      # names of the tables and their files

A page contains a table between `<!-- table:NAME:begin -->` and `<!-- table:NAME:end -->`, each on a line of its own.
The numbers come from tools/results/, which the measurement scripts write with --write.
"""

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgetl.core.errors import ConfigError, unknown_name
from tools.errors import report_errors
from tools.results_files import RESULTS, read_results
from tools.tables import accuracy, bases, micro, recipes, rejection, rounding, speed
from tools.tables.markdown import format_source

ROOT = Path(__file__).resolve().parents[1]
# Only whole lines, so that a page can explain the markers in its text.
_MARKER = re.compile(r"^<!-- table:(?P<name>[a-z0-9_]+):(?P<end>begin|end) -->$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the function that renders it, and the results files that are the arguments of that function."""

    render: Callable[..., str]
    files: tuple[str, ...]


TABLES = {
    "methods": Table(accuracy.render_methods, ("methods",)),
    "ledger": Table(accuracy.render_ledger, ("ledger",)),
    "ladder": Table(accuracy.render_ladder, ("ladder",)),
    "retraining": Table(accuracy.render_retraining, ("retraining",)),
    "transfer": Table(accuracy.render_transfer, ("transfer",)),
    "transfer_head": Table(accuracy.render_transfer_head, ("transfer",)),
    "pretraining": Table(accuracy.render_pretraining, ("pretraining",)),
    "training": Table(speed.render_training, ("training",)),
    "build": Table(speed.render_build_results, ("build",)),
    "stores": Table(speed.render_stores, ("decoding", "features")),
    "scale": Table(speed.render_scale, ("scale",)),
    "cluster": Table(speed.render_cluster, ("cluster",)),
    "gpu_mobilenet_v2": Table(speed.render_gpu, ("gpu_mobilenet_v2",)),
    "gpu_resnet50": Table(speed.render_gpu, ("gpu_resnet50",)),
    "onnx": Table(speed.render_onnx_results, ("onnx",)),
    "bench": Table(speed.render_bench, ("bench",)),
    "recipes": Table(recipes.render_recipes, ("recipes",)),
    "thorough": Table(recipes.render_recipes, ("thorough",)),
    "teachers": Table(recipes.render_recipes, ("teachers",)),
    "rejection": Table(rejection.render_rejection, ("rejection",)),
    "near": Table(rejection.render_near, ("near",)),
    "answers": Table(rejection.render_answers, ("answers",)),
    "features_cost": Table(rejection.render_features_cost, ("features_cost",)),
    "rounding": Table(rounding.render_rounding, ("rounding",)),
    "qat": Table(rounding.render_rounding, ("qat",)),
    "micro": Table(micro.render_micro, ("micro",)),
    "micro_npus": Table(micro.render_npus, ("micro",)),
    "micro_summary": Table(micro.render_summary, ("micro",)),
    "micro_message": Table(micro.render_message, ("micro",)),
    "micro_boards": Table(micro.render_boards, ("micro_networks",)),
    "bases_tflite": Table(bases.render_tflite, ("bases",)),
    "bases_onnx": Table(bases.render_onnx, ("bases",)),
}


def main() -> None:
    """Update or check the files."""
    options = _parse_options()
    if options.list:
        for name, table in TABLES.items():
            print(f"{name:18} {' '.join(f'tools/results/{file}.jsonl' for file in table.files)}")
        return
    outdated = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        try:
            updated = update(text)
        except ConfigError as error:
            error.where = (*error.where, f"{path}")
            raise
        if updated != text:
            outdated.append(path.relative_to(ROOT).as_posix())
            if not options.check:
                path.write_text(updated, encoding="utf-8")
    for name in outdated:
        print(f"{name}: out of date, run tools/results_tables.py" if options.check else f"{name}: updated")
    sys.exit(1 if options.check and outdated else 0)


def render(name: str, folder: Path = RESULTS) -> str:
    """Return a table as Markdown, with the lines that name data, machine, date and command.

    Raises:
        ConfigError: no such table, or a results file that cannot be read.
    """
    if name not in TABLES:
        raise unknown_name("table", name, TABLES)
    table = TABLES[name]
    results = [read_results(folder / f"{file}.jsonl") for file in table.files]
    sources = "\n".join(format_source(result.header) for result in results)
    return f"{table.render(*results)}\n{sources}"


def update(text: str) -> str:
    """Return a Markdown text with the tables between its markers rendered anew; other text is not changed.

    Raises:
        ConfigError: an unknown table, or markers that are not a pair of begin and end.
    """
    parts, position = [], 0
    markers = list(_MARKER.finditer(text))
    # Markers come in pairs; None takes the place of a missing last one.
    for begin, end in zip(markers[::2], [*markers[1::2], None], strict=False):
        if end is None or (begin["end"], end["end"]) != ("begin", "end") or begin["name"] != end["name"]:
            raise ConfigError(f"the marker {begin[0]} has no matching begin or end")
        # Blank lines, because Markdown continues an HTML comment's block up to the next blank line.
        parts += [text[position : begin.end()], "\n\n", render(begin["name"]), "\n"]
        position = end.start()
    return "".join([*parts, text[position:]])


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Render the tables of measured results into README.md and docs/.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if a file is out of date")
    parser.add_argument("--list", action="store_true", help="list the tables, and change nothing")
    return parser.parse_args()


if __name__ == "__main__":
    with report_errors():
        main()
