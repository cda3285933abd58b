"""machine.py: the cores that this process may use, and the name of the processor."""

import os

import pytest

from edgetl.core import machine
from edgetl.core.errors import ConfigError


def test_cores_are_those_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5, 9} if pid == 0 else set(), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert machine.count_cores() == 3


@pytest.mark.parametrize(("counted", "expected"), [(6, 6), (None, 1)])
def test_all_cores_count_without_affinity(monkeypatch, counted, expected):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert machine.count_cores() == expected


def test_there_is_at_least_one_core():
    assert machine.count_cores() >= 1


def test_processor_has_a_name():
    assert machine.read_processor_name().strip()


def test_architecture_replaces_a_missing_processor_name(monkeypatch):
    monkeypatch.setattr(machine.Path, "is_file", lambda self: False)
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    assert machine.read_processor_name() == "aarch64"


def test_cpuinfo_without_model_name_is_no_error(monkeypatch):
    monkeypatch.setattr(machine.Path, "is_file", lambda self: True)
    monkeypatch.setattr(machine.Path, "read_text", lambda self, encoding: "processor\t: 0\nBogoMIPS\t: 108.00\n")
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    assert machine.read_processor_name() == "aarch64"


@pytest.mark.parametrize(("name", "system"), [("darwin", "Darwin"), ("win32", "Windows")])
def test_other_operating_systems_are_refused_by_name(monkeypatch, name, system):
    monkeypatch.setattr("sys.platform", name)
    monkeypatch.setattr("platform.system", lambda: system)
    with pytest.raises(ConfigError, match=f"edgetl runs on Linux only, and this is {system}"):
        machine.check_system()


def test_linux_is_accepted():
    machine.check_system()


@pytest.mark.parametrize(
    ("limits", "expected"),
    [([], 4096 * 1000), (["max"], 4096 * 1000), (["1000000"], 1000000), (["9" * 19], 4096 * 1000)],
)
def test_memory_is_that_of_the_container_if_it_has_less_than_the_host(monkeypatch, tmp_path, limits, expected):
    paths = [tmp_path / f"limit-{number}" for number in range(len(limits))]
    for path, limit in zip(paths, limits, strict=True):
        path.write_text(f"{limit}\n")
    monkeypatch.setattr(machine, "_MEMORY_LIMITS", [*map(str, paths), str(tmp_path / "absent")])
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__)
    assert machine.count_memory_bytes() == expected


def test_machine_without_a_name_has_words_in_its_place(monkeypatch):
    monkeypatch.setattr(machine.platform, "node", lambda: "kitchen")
    assert machine.read_host_name() == "kitchen"
    monkeypatch.setattr(machine.platform, "node", lambda: "")
    assert machine.read_host_name() == "this machine"
