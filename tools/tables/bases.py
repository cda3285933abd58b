"""The table of every base by every method, for one format."""

from collections import defaultdict

from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.network import base_table, bases
from tools.results_files import Results, Row
from tools.tables.markdown import format_bytes, format_points, format_table

# Methods that tools/measure_bases.py measures, by format.
METHODS: dict[FormatName, tuple[str, ...]] = {
    "tflite": ("float32", "float16", "dynamic", "int8", "int16x8", "qat8"),
    "onnx": ("float32", "float16", "dynamic", "int8", "qat8"),
}
_MARKS = {"PASS": "✓", "UNDECIDED": "~", "FAIL": "✗"}


def render_tflite(results: Results) -> str:
    """Return the table of the TFLite files."""
    return _render(results, "tflite")


def render_onnx(results: Results) -> str:
    """Return the table of the ONNX files."""
    return _render(results, "onnx")


def _render(results: Results, format_name: FormatName) -> str:
    """Return one row per base and one column per method, and below it a numbered list of the reasons of failures."""
    files: defaultdict[str, dict[tuple[str, str], Row]] = defaultdict(dict)
    for row in results.rows:
        files[row["base"]][row["format"], row["method"]] = row
    reasons: list[str] = []
    rows = []
    # In the order of the table of bases, whatever the order of measurement.
    for name in filter(files.get, base_table.BASES):
        epochs, seconds, accuracy = _find_usual_training(list(files[name].values()))
        training = f"{epochs} epochs, {seconds:.0f} s, {accuracy:.3f}" if epochs else ""
        cells = [
            _format_file(files[name].get((format_name, method)), reasons, epochs) for method in METHODS[format_name]
        ]
        rows.append([f"{name}, {bases.find_base(name).smallest_side_px} px", training, *cells])
    table = format_table([FORMATS[format_name].title, "training, Keras accuracy", *METHODS[format_name]], rows)
    return table + "".join(f"\n{number}. {reason}" for number, reason in enumerate(reasons, 1)) + "\n" * bool(reasons)


def _find_usual_training(rows: list[Row]) -> tuple[int, float, float]:
    """Return epochs, seconds and Keras accuracy of the training that most files of a base come from; zeros for none."""
    trainings = [(row["epochs"], row["training_s"], row["keras_accuracy"]) for row in rows if "keras_accuracy" in row]
    return max(set(trainings), key=trainings.count) if trainings else (0, 0.0, 0.0)


def _format_file(row: Row | None, reasons: list[str], usual_epochs: int) -> str:
    """Return the cell of a file; a new reason of a failure is appended to `reasons`."""
    if row is None:
        return ""
    epochs = f", {row['epochs']} epochs" if row["epochs"] != usual_epochs else ""
    if "failed" in row:
        # A converter's message may continue with long listings.
        reason = row["failed"].splitlines()[0]
        if reason not in reasons:
            reasons.append(reason)
        return f"✗ ({reasons.index(reason) + 1}{epochs})"
    size = format_bytes(row["size_bytes"])
    return f"{_MARKS[row['outcome']]} {format_points(row['drop'])}, {size}, {row['seconds']:.0f} s{epochs}"
