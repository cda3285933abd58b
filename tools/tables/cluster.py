"""The table of tasks on simulated nodes of a Ray cluster."""

from tools.results_files import Results
from tools.tables.markdown import format_table


def render_cluster(results: Results) -> str:
    """Return one row per number of nodes: photos per second of both steps, and processor seconds per 1000 photos."""
    columns = ["nodes of one core", "decoding, photos/s", "features, photos/s"]
    columns += ["workers, CPU s per 1000 photos", "building machine, CPU s per 1000 photos"]
    rows = []
    for row in results.rows:
        photos = row["photos"]
        workers = row["decode_worker_cpu_s"] + row["features_worker_cpu_s"]
        own = row["decode_own_cpu_s"] + row["features_own_cpu_s"]
        rates = [f"{photos / row[f'{step}_s']:.0f}" for step in ("decode", "features")]
        rows.append([f"{row['nodes']}", *rates, f"{1000 * workers / photos:.1f}", f"{1000 * own / photos:.1f}"])
    return format_table(columns, rows)
