"""Tables about speed: training, the stores, many photos, GPUs, and bench.py beside LiteRT's benchmark."""

from collections.abc import Sequence

from tools.results_files import Results, Row
from tools.tables.markdown import format_bytes, format_number, format_optional, format_rounds, format_table

# Contestants of tools/measure_gpu.py.
_CONTESTANTS = {
    "textbook": "`model.fit`, photos in memory as arrays",
    "uncached": "edgetl, `--no-feature-cache`",
    "edgetl": "**edgetl**",
    "bfloat16": "edgetl, `--precision bfloat16`",
}


def render_training(results: Results) -> str:
    """Return the duration of a training, from photos to the saved model, beside that of the textbook recipe."""
    columns = ["MobileNetV2", "textbook, `model.fit`", "edgetl, `--recipe classic`", "gain"]
    rows = [
        [
            f"alpha {row['alpha']}, {row['side_px']} px, {_describe_unfrozen(row['unfreeze'])}",
            f"{row['textbook_s']:.0f} s, accuracy {row['textbook_accuracy']:.3f}",
            f"{row['edgetl_s']:.0f} s, accuracy {row['edgetl_accuracy']:.3f}",
            f"**{row['gain']:.1f} times as fast**",
        ]
        for row in results.rows
    ]
    return format_table(columns, rows)


def render_stores(decoding: Results, features: Results) -> str:
    """Return the throughput of both stores, relative to one core of the library below times the number of cores."""
    columns = ["store", "compared with", "cores", "throughput per core / one core alone", "measured"]
    rows = [
        [store, library, f"{row['cores']}", f"{row['efficiency']:.2f}", format_rounds(row["rounds"])]
        for store, library, results in (
            ("photos into the pixel store", "Pillow on one core", decoding),
            ("frozen layers into the feature store", "LiteRT on one thread", features),
        )
        for row in results.rows
    ]
    return format_table(columns, rows)


def render_scale(results: Results) -> str:
    """Return the cost of a training by the number of photos."""
    columns = ["photos", "duration", "memory limit", "peak anonymous memory", "cache", "measured"]
    rows = [
        [
            # A comma would be a decimal sign to many readers.
            f"{row['photos']:,}".replace(",", " "),
            # Three digits are as many as a repeated measurement confirms.
            f"{row['seconds']:.1f} s" if row["seconds"] < 100 else f"{row['seconds']:.0f} s",
            format_optional(row, "memory_limit_bytes", format_bytes),
            format_optional(row, "peak_anonymous_bytes", format_bytes),
            format_optional(row, "cache_bytes", format_bytes),
            format_rounds(row["rounds"]),
        ]
        for row in results.rows
    ]
    return format_table(columns, rows)


def render_cluster(results: Results) -> str:
    """Return the seconds of decoding and features by the number of nodes, and the processor seconds of both sides."""
    columns = ["nodes", "photos", "decoding", "workers", "building machine", "features", "workers", "building machine"]
    rows = [
        [
            str(row["nodes"]),
            str(row["photos"]),
            *(
                f"{row[f'{step}_{name}']:.1f} s"
                for step in ("decode", "features")
                for name in ("s", "worker_cpu_s", "own_cpu_s")
            ),
            f"{row['load']:.1f}",
        ]
        for row in results.rows
    ]
    return format_table([*columns, "load before"], rows)


def render_gpu(results: Results) -> str:
    """Return the duration of a training on a GPU and of its parts, one row per contestant."""
    columns = ["training", "all", "frozen layers", "phase 1", "phase 2", "accuracy", "measured"]
    rows = [
        [
            _CONTESTANTS[row["contestant"]],
            *(
                format_optional(row, name, lambda seconds: f"{seconds:.1f} s")
                for name in ("seconds", "frozen_s", "head_s", "fine_tune_s")
            ),
            format_optional(row, "accuracy", lambda accuracy: f"{accuracy:.3f}"),
            format_rounds(row["rounds"]),
        ]
        for row in results.rows
    ]
    return format_table(columns, rows)


def render_bench(results: Results) -> str:
    """Return the latency of one invocation by bench.py and by LiteRT's own benchmark."""
    columns = ["threads", "bench.py, ms", "benchmark_litert_model, ms", "measured"]
    rows = [
        [f"{row['threads']}", f"{row['bench_ms']:.2f}", f"{row['litert_ms']:.2f}", format_rounds(row["rounds"])]
        for row in results.rows
    ]
    return format_table(columns, rows)


def _describe_unfrozen(unfreeze: str) -> str:
    """Describe a recipe's `unfreeze`: a negative count of layers, or the first unfrozen layer."""
    return f"last {unfreeze[1:]} layers unfrozen" if unfreeze.startswith("-") else f"unfrozen from `{unfreeze}`"


def render_build(rows: Sequence[Row]) -> str:
    """Return the seconds of each stage of a build by each version, with processor seconds where they are known."""
    versions = [key.removesuffix("_processor_s") for key in rows[0] if key.endswith("_processor_s")]
    cells = [[f"`{row['stage']}`", *(_format_cost(row, name) for name in versions)] for row in rows]
    return format_table(["stage", *(f"{name}: seconds (processor seconds)" for name in versions)], cells)


def render_build_results(results: Results) -> str:
    """Return the table of `render_build` from its results file."""
    return render_build(results.rows)


def _format_cost(row: Row, version: str) -> str:
    processor_s = row[f"{version}_processor_s"]
    return f"{row[f'{version}_s']:.1f}" + (f" ({processor_s:.1f})" if processor_s else "")


def render_onnx(rows: Sequence[Row]) -> str:
    """Return the latency of files on one thread, with the operators that take most of it and how outputs differ."""
    compared = next((row for row in rows if "like" in row), None)
    columns = ["file", "ms", "of which, ms", "measured"]
    if compared:
        columns.append(f"compared with `{compared['like']}`, {compared['photos']} photos")
    cells = [
        [
            f"`{row['file']}`",
            f"{'~' if row['disturbed'] else ''}{format_number(row['ms'])}",
            ", ".join(f"{name} {ms:.2f}" for name, ms in row.get("operators", {}).items()),
            format_rounds(row["rounds"]).replace("median", "lowest"),
            *([_format_difference(row)] if compared else []),
        ]
        for row in rows
    ]
    return format_table(columns, cells)


def _format_difference(row: Row) -> str:
    if "like" not in row:
        return ""
    text = f"another class for {row['other_class']}, probabilities differ by up to {row['largest_difference']:.4f}"
    if "unoptimized_difference" in row:
        text += f"; by {row['unoptimized_difference']:.4f} unoptimized ({row['unoptimized_photos']} photos)"
    return text


def render_onnx_results(results: Results) -> str:
    """Return the table of `render_onnx` from its results file."""
    return render_onnx(results.rows)
