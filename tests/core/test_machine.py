"""machine.py: what this process may use, not what the machine has."""

import os

import pytest

from edgetl.core import machine


def test_cores_are_those_of_this_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5, 9} if pid == 0 else set(), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert machine.count_cores() == 3


@pytest.mark.parametrize(("counted", "expected"), [(6, 6), (None, 1)])
def test_where_affinity_is_unknown_all_cores_count(monkeypatch, counted, expected):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert machine.count_cores() == expected


def test_there_is_at_least_one():
    assert machine.count_cores() >= 1


def test_the_processor_has_a_name():
    assert machine.read_processor_name().strip()


def test_without_a_list_of_processors_the_architecture_will_do(monkeypatch):
    monkeypatch.setattr(machine.Path, "is_file", lambda self: False)
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    monkeypatch.setattr(machine.platform, "machine", lambda: "aarch64")
    assert machine.read_processor_name() == "aarch64"
