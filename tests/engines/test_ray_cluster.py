"""ray_cluster.py: tasks in flight, losses and errors; with a Ray of this test, and (slow) on two nodes of Ray."""

import itertools
import signal

import pytest
from ray.exceptions import GetTimeoutError, NodeDiedError, OutOfMemoryError, RayError

from edgetl.core.errors import ConfigError, DataError, EdgetlError, StageError
from edgetl.core.execution.executor import Resources, TaskSpec
from edgetl.core.execution.installation import describe_installation
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.engines import ray_cluster
from edgetl.engines.ray_cluster import RayCluster, connect_to_ray, run_ray_task
from tests.fixtures import ray_tasks
from tests.fixtures.signals import interrupt_here

MULTIPLY = TaskSpec(function=ray_tasks.multiply, shared=3, title="multiplies")


class FakeRay:
    """What edgetl calls of Ray. A task runs when its result is read; the newest is finished first."""

    def __init__(self, nodes=({"CPU": 2.0}, {"CPU": 1.0})) -> None:
        self.resources, self.options, self.cancelled = nodes, [], []
        self.most_in_flight, self.in_flight, self.failures = 0, 0, []

    def nodes(self):
        return [{"Alive": True, "Resources": node} for node in self.resources]

    def put(self, value):
        return value

    def remote(self, function):
        fake = self

        class Task:
            def options(self, **options):
                fake.options.append(options)
                return self

            def remote(self, *arguments):
                fake.in_flight += 1
                fake.most_in_flight = max(fake.most_in_flight, fake.in_flight)
                return (lambda: function(*arguments), next(numbers))

        numbers = itertools.count()
        return Task()

    def wait(self, references, num_returns, timeout):
        return references[-1:], references[:-1]

    def get(self, reference, timeout):
        if self.failures:
            raise self.failures.pop(0)
        self.in_flight -= 1
        return reference[0]()

    def cancel(self, reference):
        self.cancelled.append(reference[1])


@pytest.fixture
def fake(monkeypatch):
    fake = FakeRay()
    monkeypatch.setattr(ray_cluster, "ray", fake)
    return fake


def test_results_come_with_the_positions_of_their_arguments(fake):
    assert sorted(RayCluster().run(MULTIPLY, iter(range(20)))) == [(number, 3 * number) for number in range(20)]
    assert fake.options[0]["max_retries"] > 0


def test_two_tasks_are_in_flight_for_each_place(fake):
    list(RayCluster().run(MULTIPLY, iter(range(50))))
    assert fake.most_in_flight == 6


@pytest.mark.parametrize(
    ("resources", "cpus", "in_flight"),
    [
        (Resources(), 1, 6),
        (Resources(cpus=2), 2, 2),
        # All cores of the smallest machine: one task on it, two on the other.
        (Resources(cpus=0), 1, 6),
    ],
)
def test_tasks_have_the_cores_that_they_declare(fake, resources, cpus, in_flight):
    list(RayCluster().run(TaskSpec(function=ray_tasks.multiply, shared=1, resources=resources), range(20)))
    assert fake.options[0]["num_cpus"] == cpus and fake.most_in_flight == in_flight


def test_memory_and_gpus_limit_the_places(fake):
    fake.resources = ({"CPU": 16.0, "memory": 5e9, "GPU": 4.0}, {"CPU": 0.0})
    resources = Resources(gpus=1, memory_bytes=2_000_000_000)
    list(RayCluster().run(TaskSpec(function=ray_tasks.multiply, shared=1, resources=resources), range(20)))
    assert fake.most_in_flight == 4
    assert fake.options[0]["memory"] == 2_000_000_000 and fake.options[0]["num_gpus"] == 1


def test_resources_that_no_machine_has_are_an_error(fake):
    spec = TaskSpec(function=ray_tasks.multiply, resources=Resources(cpus=3))
    with pytest.raises(ConfigError, match="no machine of the Ray cluster has 3 cores"):
        list(RayCluster().run(spec, range(2)))


def test_error_of_a_task_ends_the_others(fake):
    spec = TaskSpec(function=ray_tasks.fail_at_three, title="fails")
    with pytest.raises(DataError, match="three"):
        list(RayCluster().run(spec, range(20)))
    assert fake.cancelled


@pytest.mark.parametrize(
    ("failure", "kind", "message"),
    [
        (NodeDiedError("the node died"), StageError, "a task that multiplies was lost 6 times: the node died"),
        (OutOfMemoryError("too little"), StageError, "needs more memory than a machine has"),
        (RayError("else"), EdgetlError, "Ray failed: else"),
    ],
)
def test_failure_of_ray_is_an_error_with_words(fake, failure, kind, message):
    fake.failures = [GetTimeoutError("not yet"), failure]
    with pytest.raises(kind, match=message):
        list(RayCluster().run(MULTIPLY, range(5)))


def test_signal_ends_the_work_and_the_tasks_that_wait(fake):
    with watch_signals(), pytest.raises(Interrupted):
        results = RayCluster().run(MULTIPLY, range(50))
        next(results)
        interrupt_here(signal.SIGINT)
        next(results)
    assert len(fake.cancelled) == 5


def test_worker_with_other_packages_computes_nothing():
    outcome = run_ray_task(MULTIPLY.name, {**describe_installation(), "keras": "0.1"}, 3, 4)
    assert outcome["error"] == "ConfigError" and "other packages" in outcome["message"]
    assert run_ray_task(MULTIPLY.name, describe_installation(), 3, 4) == {"result": 12}


def test_absent_cluster_is_an_error_with_the_command_that_starts_one(monkeypatch):
    def refuse(**_):
        raise ConnectionError("Could not find any running Ray instance.")

    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(ray_cluster.ray, "init", refuse)
    with pytest.raises(ConfigError, match="--cluster auto: no connection") as error, connect_to_ray("auto"):
        pass
    assert "ray start --head" in error.value.hint
    assert signal.getsignal(signal.SIGTERM) is handler
