#!/usr/bin/env python3
"""Print how far Keras 3 is from Keras 2 for each network of the zoo: python -m tools.measure_keras2 [NAME ...].

A child process with Keras 2 writes the models and their predictions (`tools.keras2_zoo`). Here Keras 3 builds them from
what edgetl read, predicts the same photos, and again after it has saved and loaded the model.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edgetl.core.errors import EdgetlError

SUFFIXES = (".h5", ".keras")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A file of the zoo: the largest difference of an output to Keras 2, or why Keras 3 has no such network."""

    name: str
    difference: float
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name:<48} {self.reason or f'{self.difference:.1e}'}"


def compare_model(name: str, folder: Path) -> list[Comparison]:
    """Compare the model of both files of a name with Keras 2."""
    stem = name.replace("/", "-")
    reference = np.load(folder / f"{stem}.npz")
    comparisons = []
    for suffix in SUFFIXES:
        graph = folder / f"{stem}{suffix}.graph"
        if not (graph / "graph.json").is_file():
            comparisons.append(Comparison(name + suffix, np.nan, "not read"))
            continue
        try:
            difference = measure_difference(graph, reference)
        except EdgetlError as error:
            comparisons.append(Comparison(name + suffix, np.nan, error.message))
        else:
            comparisons.append(Comparison(name + suffix, difference))
    return comparisons


def measure_difference(graph: Path, reference: "np.lib.npyio.NpzFile") -> float:
    """Build a network in Keras 3, and return the largest difference of its outputs, before or after it was saved.

    It is relative to the largest output if that is above 1.
    """
    # Imported here: --help prints at once, and nothing of what TensorFlow prints when it is loaded.
    import keras

    from edgetl.engines.keras.from_keras2.rebuild import rebuild_model
    from edgetl.engines.keras2_graph import load_graph

    keras.backend.clear_session()
    model = rebuild_model(load_graph(graph))
    outputs = np.asarray(model.predict_on_batch(reference["photos"]))
    saved = graph / "rebuilt.keras"
    model.save(saved)
    again = np.asarray(keras.models.load_model(saved, compile=False).predict_on_batch(reference["photos"]))
    saved.unlink()
    largest = max(1.0, float(np.abs(reference["outputs"]).max()))
    return max(float(np.abs(values - reference["outputs"]).max()) / largest for values in (outputs, again))


def main() -> None:
    """Write the zoo and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, help="where the models are written and kept; without it they are deleted"
    )
    parser.add_argument("names", nargs="*", help="layer/NAME, function/NAME, network/NAME or application/NAME")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        command = [sys.executable, "-m", "tools.keras2_zoo", str(folder), *arguments.names]
        listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        comparisons = []
        for name in dict.fromkeys(line.split(" ")[0].rpartition(".")[0] for line in listed):
            for comparison in compare_model(name, folder):
                print(comparison, flush=True)
                comparisons.append(comparison)
    print(*summarize(comparisons), sep="\n")


def summarize(comparisons: list[Comparison]) -> list[str]:
    """Return a line for each group of the zoo: the number of files and the largest difference."""
    groups: dict[str, list[float]] = {}
    for comparison in comparisons:
        # Half precision differs by its rounding, and is a group of its own.
        group = "half precision" if "float16" in comparison.name else comparison.name.partition("/")[0]
        groups.setdefault(group, []).append(comparison.difference)
    lines = []
    for group, differences in groups.items():
        held = [difference for difference in differences if np.isfinite(difference)]
        largest = f", largest difference {max(held):.1e}" if held else ""
        lines.append(f"{group}: {len(held)} of {len(differences)} files{largest}")
    return lines


if __name__ == "__main__":
    main()
