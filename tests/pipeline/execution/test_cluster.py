"""execution/cluster.py: where tasks run is checked before a run folder is created."""

from contextlib import contextmanager

import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, MissingPackage
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.execution import cluster
from edgetl.pipeline.execution.cluster import check_cluster, use_cluster
from tests.fixtures.execution import FakeExecutor


@pytest.mark.parametrize(
    "name", ["local", "auto", "192.0.2.7:6379", "head.example:10001", "ray://head:10001", "[::1]:6379"]
)
def test_addresses_are_accepted(name):
    check_cluster(name)


@pytest.mark.parametrize("name", ["", "head", "http://head:80", "head:port", "local ", "--head:1;x"])
def test_other_values_are_refused_with_those_that_work(name):
    with pytest.raises(ConfigError, match="local, auto or the address") as error:
        check_cluster(name)
    assert "--cluster auto" in error.value.hint


def test_missing_package_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    check_cluster("local")
    with pytest.raises(MissingPackage, match="needs Ray") as error:
        check_cluster("auto")
    assert "pip install 'edgetl[ray]'" in error.value.hint


def test_context_has_the_executor_while_the_cluster_is_in_use(monkeypatch):
    context = Context(order=None, run=None, console=Console(quiet=True))
    events, executor = [], FakeExecutor()

    @contextmanager
    def connect(address):
        events.append(address)
        yield executor
        events.append("closed")

    monkeypatch.setattr(stages, "ray_cluster", type("Module", (), {"connect_to_ray": staticmethod(connect)}))
    with use_cluster(context, "local") as local:
        assert local is context
    with use_cluster(context, "head:6379") as elsewhere:
        assert elsewhere.executor is executor and elsewhere.console is context.console
        assert events == ["head:6379"]
    assert events == ["head:6379", "closed"]
