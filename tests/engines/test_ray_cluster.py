"""ray_cluster.py: tasks in flight, losses and errors; with a Ray of this test, and (slow) on two nodes of Ray."""

import itertools
import signal
import threading
from contextlib import ExitStack
from dataclasses import replace

import pytest
from ray.exceptions import GetTimeoutError, NodeDiedError, OutOfMemoryError, RayError

from edgetl.core.errors import ConfigError, DataError, EdgetlError, StageError
from edgetl.core.execution.executor import Resources, TaskSpec
from edgetl.core.execution.forked_processes import ForkedProcesses
from edgetl.core.execution.installation import describe_installation
from edgetl.core.interrupt import Interrupted, watch_signals
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import StoreFilling
from edgetl.core.records import InputSpec
from edgetl.engines import feature_shards, ray_cluster
from edgetl.engines.keras import split_points
from edgetl.engines.keras.frozen_features import FrozenPart, PhotoView
from edgetl.engines.ray_cluster import RayCluster, connect_to_ray, run_ray_task
from edgetl.pipeline.options import SweepOptions
from edgetl.pipeline.sweep import gates
from edgetl.pipeline.sweep.candidate_run import measure_untrained
from edgetl.pipeline.sweep.plan import make_sweep_plan
from edgetl.pipeline.sweep.sweep_run import open_sweep, run_sweep
from tests.fixtures import ray_tasks
from tests.fixtures.photos import SIDE_PX
from tests.fixtures.signals import interrupt_here

SPEC = InputSpec(height_px=SIDE_PX, width_px=SIDE_PX, fit="crop")
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


@pytest.fixture(scope="module")
def nodes():
    """Two nodes of Ray."""
    from tools.ray_nodes import start_nodes

    with start_nodes(2) as nodes:
        yield nodes


@pytest.mark.slow
def test_tasks_of_a_node_that_is_killed_run_on_the_other(nodes):
    spec = TaskSpec(function=ray_tasks.sleep_and_name, shared=0.3, title="sleeps")
    with connect_to_ray(nodes.address) as cluster:
        results = {}
        for position, (argument, process) in cluster.run(spec, range(12)):
            results[position] = (argument, process)
            if len(results) == 3:
                nodes.kill()
    nodes.add()
    assert {position: argument for position, (argument, _) in results.items()} == {n: n for n in range(12)}
    assert len({process for _, process in results.values()}) == 2


@pytest.mark.slow
def test_pixels_and_features_are_those_of_one_machine_although_a_node_is_killed(
    nodes, small_model, photos, tmp_path, monkeypatch
):
    """The same segments, byte for byte, in a cache without any of them and in one that tasks have filled."""
    monkeypatch.setattr(pixel_store, "_SMALLEST_SHARE", 10)
    monkeypatch.setattr(feature_shards, "_LARGEST_SHARD", 4)
    paths = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    model = small_model()
    points = [point for point in split_points.find_split_points(model) if point.name in ("relu2", "pooling")]
    files = {}
    for name in ("local", "ray"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        with ExitStack() as stack:
            executor = stack.enter_context(connect_to_ray(nodes.address)) if name == "ray" else ForkedProcesses(2)
            filling = StoreFilling(progress=lambda _: None, executor=executor)
            facts = pixel_store.decode_photos(photos, paths, SPEC, filling)
            sha256s = [photo.sha256 for photo in facts]
            pixels = pixel_store.open_pixels(sha256s, SPEC)
            view = PhotoView(key="plain", sha256s=sha256s, pixels=pixels.rows)
            steps = []

            def advance(photos_done, name=name, steps=steps):
                steps.append(photos_done)
                if name == "ray" and len(steps) == 5:
                    nodes.kill()

            frozen = FrozenPart(model, points, SPEC, executor=None if name == "local" else executor)
            frozen.compute_missing([view], advance)
            assert sum(steps) == len(paths)
        stored = [path for path in (tmp_path / name).rglob("*") if path.is_file() and "catalogues" not in path.parts]
        # Names of segments are random.
        files[name] = sorted((path.parent.parent.name, path.name, path.read_bytes()) for path in stored)
    nodes.add()
    assert len(files["local"]) > 20 and files["ray"] == files["local"]


class KillingExecutor:
    """Kills a node seconds after the first trainings of a sweep have begun, on each node one."""

    shares_cache = False

    def __init__(self, cluster, nodes) -> None:
        self._cluster, self._kill = cluster, threading.Timer(10, nodes.kill)

    @property
    def has_killed(self):
        return self._kill.finished.is_set()

    def run(self, spec, arguments):
        if spec.name.endswith("run_candidate") and not self._kill.is_alive() and not self._kill.finished.is_set():
            self._kill.start()
        return self._cluster.run(spec, arguments)


@pytest.mark.slow
def test_sweep_chooses_the_same_file_although_a_node_is_killed(nodes, photos, tmp_path, monkeypatch):
    def measure(context, *arguments):
        # Measured latencies differ from sweep to sweep, and the choice with them.
        return replace(measure_untrained(context, *arguments), ms=context.order.recipe.base.alpha)

    monkeypatch.setattr(gates, "measure_untrained", measure)
    (tmp_path / "targets" / "quick").mkdir(parents=True)
    target = 'schema = 1\nextends = "tflite"\ntitle = "a"\nsummary = "b"\n[accepts]\nmethods = ["float16"]\n'
    (tmp_path / "targets" / "quick" / "target.toml").write_text(target)
    options = SweepOptions(
        photos=photos,
        bases="mobilenet:0.25,mobilenet:0.5",
        sides="32",
        prefer="bytes",
        weights="none",
        epochs=1,
        fine_tune_epochs=1,
        target="quick",
        target_dir=[tmp_path / "targets"],
    )
    plan, sweeps = make_sweep_plan(options), {}
    for name in ("local", "ray"):
        with open_sweep(plan, tmp_path / name, overwrite=False, quiet=True) as local, ExitStack() as stack:
            context = local
            if name == "ray":
                cluster = stack.enter_context(connect_to_ray(nodes.address))
                killing = KillingExecutor(cluster, nodes)
                context = replace(local, executor=killing)
            sweeps[name] = run_sweep(context, plan)
    assert killing.has_killed
    here, ray = sweeps["local"], sweeps["ray"]
    assert ray.result.choice.name == here.result.choice.name
    assert ray.built.trained.sha256 == here.built.trained.sha256
    assert ray.built.artifact.sha256 == here.built.artifact.sha256
    for row, other in zip(here.result.rows, ray.result.rows, strict=True):
        assert (other.head, other.tuned, other.file, other.reason) == (row.head, row.tuned, row.file, row.reason)
    # Nothing was trained on this machine.
    assert not {"train"} & {name for name, seconds in ray.built.seconds.items() if seconds}
