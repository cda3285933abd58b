"""Results files: rows are replaced by key, machines are not mixed, and headers contain no paths."""

import sys
import time

import pytest

from edgetl.core.errors import ConfigError
from tools import results_files
from tools.results_files import check_machine, describe_command, describe_machine, read_results, write_rows


@pytest.fixture(autouse=True)
def command_line(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tools/measure_bench.py", "RUN"])
    monkeypatch.delenv("KERAS_BACKEND", raising=False)


def test_row_with_the_same_key_is_replaced_in_place(tmp_path):
    path = tmp_path / "new" / "bench.jsonl"
    write_rows(path, [{"threads": 1, "ms": 2.0}, {"threads": 2, "ms": 1.0}], ("threads",))
    write_rows(path, [{"threads": 1, "ms": 3.0}, {"threads": 4, "ms": 0.5}], ("threads",))
    assert [(row["threads"], row["ms"]) for row in read_results(path).rows] == [(1, 3.0), (2, 1.0), (4, 0.5)]


def test_without_a_key_there_is_one_row(tmp_path):
    path = tmp_path / "decoding.jsonl"
    write_rows(path, [{"ratio": 0.8}], ())
    write_rows(path, [{"ratio": 0.9}], ())
    assert read_results(path).rows == [{"ratio": 0.9}]


def test_header_names_machine_date_and_command_and_keeps_further_fields(tmp_path):
    path = tmp_path / "bench.jsonl"
    header = f'{{"machine": "{describe_machine()}", "date": "2020-01-01", "command": "x", "data": "flowers5"}}\n'
    path.write_text(header, encoding="utf-8")
    write_rows(path, [{"threads": 1}], ("threads",))
    assert read_results(path).header == {
        "machine": describe_machine(),
        "date": time.strftime("%Y-%m-%d"),
        "command": "python tools/measure_bench.py RUN",
        "data": "flowers5",
    }


def test_results_of_different_machines_are_not_mixed(tmp_path):
    path = tmp_path / "bench.jsonl"
    write_rows(path, [{"threads": 1}], ("threads",), machine="NVIDIA H100, 16 cores")
    before = path.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="were measured on NVIDIA H100, 16 cores, this machine is"):
        write_rows(path, [{"threads": 2}], ("threads",))
    with pytest.raises(ConfigError, match="were measured on"):
        check_machine(path)
    assert path.read_text(encoding="utf-8") == before
    check_machine(path, "NVIDIA H100, 16 cores")
    check_machine(tmp_path / "absent.jsonl")


@pytest.mark.parametrize("text", ["", "no JSON\n", '{"machine": "A", "date": "2026"}\n{"threads": 1}\n'])
def test_file_without_a_header_is_an_error(tmp_path, text):
    path = tmp_path / "bench.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_results(path)


def test_command_names_files_without_their_paths(tmp_path, monkeypatch):
    (tmp_path / "flowers5").mkdir()
    (tmp_path / "weights.h5").touch()
    arguments = [tmp_path / "flowers5", f"--weights={tmp_path / 'weights.h5'}", "--side", "160", "--write", tmp_path]
    monkeypatch.setattr(sys, "argv", ["/somewhere/tools/measure_features.py", *map(str, arguments)])
    assert describe_command() == "python tools/measure_features.py flowers5 --weights=weights.h5 --side 160"
    monkeypatch.setattr(
        sys, "argv", ["/tools/measure_rejection.py", "--foreign", f"flowers={tmp_path / 'flowers5'}", "--a=b", "--c=."]
    )
    assert describe_command() == "python tools/measure_rejection.py --foreign flowers=flowers5 --a=b --c=."
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert describe_command().startswith("KERAS_BACKEND=jax python tools/")


def test_accelerator_replaces_the_processor(monkeypatch):
    monkeypatch.setattr(results_files, "count_cores", lambda: 16)
    assert describe_machine("NVIDIA H100") == "NVIDIA H100, 16 cores"
