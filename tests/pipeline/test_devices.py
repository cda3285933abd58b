"""Measurements on the host and on devices, by prepared stages. Real ones are in tests/cli and tests/device."""

import dataclasses
import json
import threading
import time

import numpy as np
import pytest

from edgetl.core.device import benchmark, targets
from edgetl.core.device.fleet import MeasurementOrder
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.run.latencies import read_latencies
from edgetl.pipeline.context import Context
from edgetl.pipeline.pipeline import Pipeline


@pytest.fixture
def part(pipeline):
    """The pipeline of a copy of the shared run, for its target."""
    return pipeline.for_target(pipeline.context.order.targets[0])


@pytest.fixture
def measure_prepared(delivered, shared_dataset, measure_json):
    """Return a function that makes a stage: it writes a measurement in which every photo gets the same prediction."""

    def write(folder, where, request):
        measurement = {**measure_json, "model_sha256": request.model_sha256, "accuracy": None}
        if request.photos:
            links = folder / "photos"
            links.mkdir()
            benchmark.link_photos(request, links)
            paths = sorted(path.relative_to(links) for path in links.rglob("*.png"))
            answer = {"label": 0, "probabilities": [0.8, 0.1, 0.1], "similarity": 0.9, "known": True, "accepted": True}
            answers = [{"photo": str(path), **answer} for path in paths]
            labels = {name: {"photos": len(list((links / name).iterdir())), "right": 0} for name in request.classes}
            labels[request.classes[0]]["right"] = labels[request.classes[0]]["photos"]
            right = labels[request.classes[0]]["right"]
            measurement["accuracy"] = {
                "photos": len(paths),
                "right": right,
                "accuracy": {"value": right / len(paths), "low": 0.0, "high": 1.0},
                "per_label": labels,
                "unreadable": {},
                "answers": answers,
            }
        (folder / "measure.json").write_text(json.dumps(measurement))
        return benchmark.read_benchmark(where, request, folder)

    return write


@pytest.fixture
def on_devices(watch_stage, measure_prepared):
    """Replace deployment: "dead" fails, every other device measures. Return the list of calls."""

    def deploy(work, device, bundle, request):
        if device.name == "dead":
            raise StageError("dead: measuring failed: no wheel")
        return measure_prepared(work.folder, device.name, request)

    return watch_stage("deploy.deploy_bundle", deploy)


@pytest.fixture
def on_host(watch_stage, measure_prepared):
    """Replace the measurement on this machine. Return the list of calls."""
    return watch_stage(
        "bench.bench_bundle", lambda work, bundle, request: measure_prepared(work.folder, "host", request)
    )


def test_request_names_the_test_photos_only_for_accuracy(part, delivered, shared_dataset):
    plain = part.devices.make_request(delivered.artifact, soak_s=0.0, accuracy=False)
    assert plain.photos == () and plain.model_sha256 == delivered.artifact.sha256
    scored = part.devices.make_request(delivered.artifact, soak_s=0.0, accuracy=True)
    assert scored.photos == shared_dataset.test and scored.classes == shared_dataset.classes


@pytest.mark.parametrize(
    ("names", "soak_s", "expected"), [((), None, 0.0), (("pi",), None, 60.0), ((), 5.0, 5.0), (("pi",), 0.0, 0.0)]
)
def test_soak_is_60_seconds_on_devices_and_none_on_the_host(
    part, delivered, on_devices, on_host, names, soak_s, expected
):
    part.devices.measure_everywhere(
        delivered.artifact, delivered.bundle, MeasurementOrder(names=names, soak_s=soak_s, accuracy=False)
    )
    (arguments,) = on_devices if names else on_host
    assert arguments[-1].soak_s == expected


def test_device_that_fails_is_an_error_beside_the_others(part, delivered, on_devices):
    names = ("pi@a", "dead", "pi@b")
    measured = part.devices.measure_everywhere(
        delivered.artifact, delivered.bundle, MeasurementOrder(names=names, soak_s=0.0, accuracy=False)
    )
    assert [result.where for result in measured.benchmarks] == ["pi@a", "pi@b"] == list(measured.measurements)
    assert [error.message for error in measured.errors] == ["dead: measuring failed: no wheel"]
    assert measured.verdicts == {} and measured.unmet == {"pi@a": "", "pi@b": ""}


def test_latencies_of_devices_are_kept_in_the_run_folder(part, context, delivered, on_devices, on_host):
    for names in (("pi@a", "dead"), ()):
        part.devices.measure_everywhere(
            delivered.artifact, delivered.bundle, MeasurementOrder(names=names, soak_s=0.0, accuracy=False)
        )
    (device,) = read_latencies(context.run.root, "tflite").items()
    assert device[0] == "pi@a" and device[1].keys() == {delivered.artifact.sha256}


def test_only_a_single_device_may_ask_for_a_password(part, delivered, on_devices):
    for names in (("a",), ("a", "b")):
        part.devices.measure(
            MeasurementOrder(names=names),
            delivered.bundle,
            part.devices.make_request(delivered.artifact, soak_s=0.0, accuracy=False),
        )
    assert sorted((device.name, device.interactive) for device, _, _ in on_devices) == [
        ("a", False),
        ("a", True),
        ("b", False),
    ]


def test_every_measurement_is_made_again(part, delivered, on_host):
    for _ in range(2):
        part.devices.measure_everywhere(
            delivered.artifact, delivered.bundle, MeasurementOrder(names=(), soak_s=None, accuracy=False)
        )
    assert len(on_host) == 2


def test_latency_limit_of_a_target_applies_to_devices_only(part, pipeline, delivered, on_devices, on_host):
    limits = part.target.limits.model_copy(update={"latency_ms": 1.0})
    strict = pipeline.for_target(part.target.model_copy(update={"limits": limits})).devices
    on_pi = strict.measure_everywhere(
        delivered.artifact, delivered.bundle, MeasurementOrder(names=("pi",), soak_s=0.0, accuracy=False)
    )
    assert "1" in on_pi.unmet["pi"] and "ms" in on_pi.unmet["pi"]
    here = strict.measure_everywhere(
        delivered.artifact, delivered.bundle, MeasurementOrder(names=(), soak_s=0.0, accuracy=False)
    )
    assert here.unmet == {}


def test_predictions_of_a_device_are_judged_as_the_last_hop(part, delivered, shared_dataset, on_devices):
    measured = part.devices.measure_everywhere(
        delivered.artifact, delivered.bundle, MeasurementOrder(names=("pi",), soak_s=0.0, accuracy=True)
    )
    verdict = measured.verdicts["pi"]
    hops = [hop.name for hop in delivered.verdict.hops]
    # The check of the kernels is the last hop: it may have fewer photos.
    assert [hop.name for hop in verdict.hops] == [*hops[:-1], f"{delivered.artifact.method}, pi", hops[-1]]
    circles = np.mean([photo.label == 0 for photo in shared_dataset.test])
    assert verdict.accuracy == pytest.approx(circles) and verdict.outcome == "FAIL"
    assert verdict.reference_accuracy == delivered.verdict.reference_accuracy


def test_resumed_order_measures_only_devices_without_a_valid_measurement(
    part, delivered, watch_stage, measure_prepared, measure_json
):
    names = ("pi@a", "pi@b", "pi@c")
    broken = {"pi@b"}

    def deploy(work, device, bundle, request):
        if device.name in broken:
            raise StageError(f"{device.name}: no connection")
        busy = device.name == "pi@c"
        measure_json.update(valid=not busy, reasons=["busy"] * busy)
        return measure_prepared(work.folder, device.name, request)

    calls = watch_stage("deploy.deploy_bundle", deploy)
    order = MeasurementOrder(names=names, soak_s=0.0, parallel=1, resume=True)
    first = part.devices.measure_everywhere(delivered.artifact, delivered.bundle, order)
    assert list(first.measurements) == ["pi@a", "pi@c"] and len(first.errors) == 1
    broken.clear()
    # As a new command: this one does not repeat what has failed in it.
    part.context.failures.clear()
    # One has failed, and the measurement of another is INVALID.
    second = part.devices.measure_everywhere(delivered.artifact, delivered.bundle, order)
    assert [device.name for device, _, _ in calls] == ["pi@a", "pi@b", "pi@c", "pi@b", "pi@c"]
    assert list(second.measurements) == list(names) and not second.errors
    # What is measured differs, so nothing of it is read back.
    longer = dataclasses.replace(order, soak_s=1.0)
    part.devices.measure_everywhere(delivered.artifact, delivered.bundle, longer)
    assert len(calls) == 8


def test_at_most_so_many_devices_are_connected_at_the_same_time(part, delivered, watch_stage, measure_prepared):
    names, connected, most, lock = tuple(f"pi@{index}" for index in range(50)), 0, 0, threading.Lock()

    def deploy(work, device, bundle, request):
        nonlocal connected, most
        with lock:
            connected += 1
            most = max(most, connected)
        time.sleep(0.01)
        with lock:
            connected -= 1
        return measure_prepared(work.folder, device.name, request)

    watch_stage("deploy.deploy_bundle", deploy)
    order = MeasurementOrder(names=names, soak_s=0.0, parallel=7)
    measured = part.devices.measure_everywhere(delivered.artifact, delivered.bundle, order)
    assert tuple(measured.measurements) == names and 2 <= most <= 7


def test_devices_with_the_same_folder_are_refused(part, delivered, on_devices):
    request = part.devices.make_request(delivered.artifact, soak_s=0.0, accuracy=False)
    with pytest.raises(ConfigError, match="same name"):
        part.devices.measure(MeasurementOrder(names=("pi@a", "pi_a")), delivered.bundle, request)
    assert on_devices == []


@pytest.mark.parametrize(("several", "folder"), [(False, "bench-pi_a"), (True, "bench-tflite-pi_a")])
def test_measurements_for_several_targets_have_folders_of_their_own(context, delivered, on_devices, several, folder):
    order = context.order
    if several:
        order = dataclasses.replace(order, targets=(*order.targets, targets.find_target("raspberry-pi-4")))
    pipeline = Pipeline(Context(order=order, run=context.run, console=context.console))
    devices = pipeline.for_target(order.targets[0]).devices
    devices.measure_everywhere(
        delivered.artifact, delivered.bundle, MeasurementOrder(names=("pi@a",), soak_s=0.0, accuracy=False)
    )
    assert (context.run.root / folder / "measure.json").is_file()


def test_interrupt_stops_the_devices(part, delivered, watch_stage, monkeypatch):
    """^C arrives in the main thread, which waits for the threads of the devices."""
    devices = []

    def deploy(work, device, bundle, request):
        devices.append(device)
        if device.name == "interrupted":
            raise KeyboardInterrupt
        assert device.stop.wait(timeout=60)
        raise StageError("stopped")

    watch_stage("deploy.deploy_bundle", deploy)
    request = part.devices.make_request(delivered.artifact, soak_s=0.0, accuracy=False)
    with pytest.raises(KeyboardInterrupt):
        part.devices.measure(MeasurementOrder(names=("interrupted", "other")), delivered.bundle, request)
    assert all(device.stop.is_set() for device in devices)


def test_answers_of_a_device_are_compared_with_those_of_this_machine(part, delivered, shared_dataset, on_devices):
    measured = part.devices.measure_everywhere(
        delivered.artifact, delivered.bundle, MeasurementOrder(names=("pi",), soak_s=0.0, accuracy=True)
    )
    agreement = measured.agreements["pi"]
    assert agreement.photos == agreement.labels == len(shared_dataset.test)
    # The device of this test takes every photo for the first class.
    first = sum(photo.label == 0 for photo in shared_dataset.test)
    assert 0 < agreement.same <= first + 2
    plain = part.devices.measure_everywhere(
        delivered.artifact, delivered.bundle, MeasurementOrder(names=("pi",), soak_s=0.0, accuracy=False)
    )
    assert plain.agreements == {}


def test_a_device_without_python_is_not_measured(part, delivered):
    runtime = part.target.runtime.model_copy(update={"python": ""})
    part.devices._target = part.target.model_copy(update={"runtime": runtime})
    order = MeasurementOrder()
    with pytest.raises(ConfigError, match="has no Python, so that no program can measure it"):
        part.devices.measure_everywhere(delivered.artifact, delivered.bundle, order)
