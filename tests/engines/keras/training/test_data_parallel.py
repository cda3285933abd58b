"""Several devices of one machine share the batches of a training, and the result is that of one device."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from edgetl.engines.keras.training import data_parallel
from edgetl.engines.keras.training.data_parallel import (
    EqualShares,
    TrainingDevices,
    count_shares,
    find_training_devices,
    place_batches,
    use_devices,
)


def make_devices(used, available, batch_size=32):
    names = tuple(f"gpu:{number}" for number in range(used))
    return TrainingDevices(used=names, available=available, batch_size=batch_size)


@pytest.mark.parametrize(
    ("batch_size", "devices", "shares"),
    [(32, 1, 1), (32, 2, 2), (32, 3, 2), (32, 8, 8), (7, 4, 1), (2, 8, 2), (1, 8, 1)],
)
def test_batch_is_divided_equally_among_as_many_devices_as_possible(batch_size, devices, shares):
    assert count_shares(batch_size, devices) == shares


def test_record_names_all_devices_that_compute():
    assert make_devices(1, 1).label == "gpu:0"
    assert make_devices(2, 2).label == "2 devices (gpu:0, gpu:1)"


def test_user_reads_which_devices_compute_how_much():
    assert make_devices(1, 1).describe() == ""
    assert make_devices(2, 2).describe() == "2 devices (gpu:0, gpu:1) compute 16 photos each of a batch"
    assert make_devices(2, 3).describe() == (
        "2 devices (gpu:0, gpu:1) compute 16 photos each of a batch: 32 photos (--batch-size) cannot be divided by 3"
    )
    assert make_devices(1, 4, batch_size=7).describe() == (
        "gpu:0 computes all of a batch, and 3 more devices nothing: 7 photos (--batch-size) cannot be divided by 4"
    )


def test_training_under_tensorflow_has_one_device_and_the_batches_of_the_recipe():
    devices = find_training_devices(32)
    assert (len(devices.used), devices.available) == (1, 1)
    batches = SimpleNamespace(), SimpleNamespace()
    with use_devices(devices):
        assert keras.distribution.distribution() is None
        with place_batches(SimpleNamespace(), *batches) as placed:
            assert placed == batches


def test_devices_of_jax_are_used(monkeypatch):
    monkeypatch.setattr(data_parallel.keras_model, "get_backend", lambda: "jax")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0", "gpu:1", "gpu:2"])
    assert find_training_devices(32) == make_devices(2, 3)


@pytest.mark.parametrize(("photos", "axes"), [(8, ("batch", None)), (5, (None, None)), (1, (None, None))])
def test_batch_that_cannot_be_divided_is_on_every_device(photos, axes):
    shares = EqualShares(devices=["cpu:0", "cpu:1"])
    assert shares.get_data_layout((photos, 3)).axes == axes


@pytest.mark.slow
def test_training_on_two_devices_is_that_on_one():
    child = subprocess.run(
        [sys.executable, "-m", "tests.fixtures.two_devices"],
        env=os.environ | {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(child.stdout)
    one, two = result["one"], result["two"]
    assert result["devices"] == "2 devices (cpu:0, cpu:1)"
    assert (one["devices_of_weights"], two["devices_of_weights"]) == (1, 2)
    # Whole batches are divided, and the last ones are not.
    assert one["sizes"] == [] and {tuple(size) for size in two["sizes"]} == {(8, 4), (5, 5), (1, 1)}
    for before, after in zip(one["weights"], two["weights"], strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(two["scores"], one["scores"], atol=1e-5)
    np.testing.assert_allclose(two["losses"], one["losses"], rtol=1e-4)
    assert two["accuracies"] == one["accuracies"]
