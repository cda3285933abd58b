"""tools/measure_cluster.py: a row has the seconds of both steps, and the table their rates."""

from tools.results_files import Results
from tools.tables.cluster import render_cluster

ROW = {
    "nodes": 2,
    "photos": 500,
    "decode_s": 5.0,
    "decode_worker_cpu_s": 8.0,
    "decode_own_cpu_s": 0.5,
    "features_s": 10.0,
    "features_worker_cpu_s": 12.0,
    "features_own_cpu_s": 1.0,
}


def test_table_has_rates_and_processor_seconds():
    table = render_cluster(Results({}, [ROW]))
    assert table.splitlines()[-1] == "| 2 | 100 | 50 | 40.0 | 3.0 |"
