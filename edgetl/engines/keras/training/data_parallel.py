"""Trains on several devices of one machine under JAX: each computes an equal share of every batch.

Weights have a copy on each device, and Keras adds up the gradients of all shares. A batch is that of the recipe, so the
training is that of one device but for the order in which numbers are added.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from edgetl.engines.keras import model as keras_model


class EqualShares(keras.distribution.DataParallel):
    """Keras's DataParallel. Each device computes the whole of a batch that cannot be divided equally.

    Such a batch is the last one of an epoch. Keras's own class raises an error for it.
    """

    def get_data_layout(self, data_shape: Sequence[int]) -> keras.distribution.TensorLayout:
        """Return how an array [photos, …] is divided among the devices: by photos, or not at all."""
        if data_shape and data_shape[0] % self.num_model_replicas == 0:
            return super().get_data_layout(data_shape)
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingDevices:
    """The devices of this machine that compute a training.

    Attributes:
        used: their names, as in "gpu:0".
        available: how many there are.
        batch_size: of the recipe.
    """

    used: tuple[str, ...]
    available: int
    batch_size: int

    @property
    def label(self) -> str:
        """The devices in the record of a training: "gpu:0", or "2 devices (gpu:0, gpu:1)"."""
        return self.used[0] if len(self.used) == 1 else f"{len(self.used)} devices ({', '.join(self.used)})"

    def describe(self) -> str:
        """Return how batches are divided, in words; "" if there is one device."""
        if self.available == 1:
            return ""
        if len(self.used) == 1:
            text = f"{self.used[0]} computes all of a batch, and {self.available - 1} more devices nothing"
        else:
            text = f"{self.label} compute {self.batch_size // len(self.used)} photos each of a batch"
        if len(self.used) == self.available:
            return text
        return f"{text}: {self.batch_size} photos (--batch-size) cannot be divided by {self.available}"


def find_training_devices(batch_size: int) -> TrainingDevices:
    """Find the devices that compute a training. Under another backend than JAX it is one.

    Args:
        batch_size: of the recipe.
    """
    names = [keras_model.get_device()]
    if keras_model.get_backend() == "jax":
        names = [str(name) for name in keras.distribution.list_devices()]
    used = tuple(names[: count_shares(batch_size, len(names))])
    return TrainingDevices(used=used, available=len(names), batch_size=batch_size)


def count_shares(batch_size: int, devices: int) -> int:
    """Return into how many equal shares a batch is divided: at most one for each device."""
    return max(count for count in range(1, min(batch_size, devices) + 1) if batch_size % count == 0)


@contextmanager
def use_devices(devices: TrainingDevices) -> Iterator[None]:
    """Let models that are created inside the context be trained on several devices.

    `keras_model.reset_keras` would end it, and is called before.
    """
    if len(devices.used) == 1:
        yield
        return
    with EqualShares(devices=list(devices.used)).scope():
        yield


@contextmanager
def place_batches(
    network: keras.Model, training: keras.utils.PyDataset, validation: keras.utils.PyDataset
) -> Iterator[tuple[keras.utils.PyDataset, keras.utils.PyDataset]]:
    """Yield the batches that `network.fit` reads inside the context. Without several devices they are those given.

    Keras 3.15 divides each batch of an epoch as the first one, and fails at a last batch of another size. So batches
    are divided here, and Keras takes them as they are.

    Args:
        network: compiled, with an optimizer whose variables exist.
        training: batches of the training photos.
        validation: batches of the validation photos.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        yield training, validation
        return
    # Both calls make what Keras would make in `fit`, where it would be on one device: the variables of the metrics, and
    # the function of a training step.
    network.test_on_batch(*validation[0])
    network.make_train_function()
    keras.distribution.set_distribution(None)
    try:
        yield _PlacedBatches(training, distribution), _PlacedBatches(validation, distribution)
    finally:
        keras.distribution.set_distribution(distribution)


class _PlacedBatches(keras.utils.PyDataset):
    """Batches on the devices that compute them."""

    def __init__(self, batches: keras.utils.PyDataset, distribution: EqualShares) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._batches = batches
        self._distribution = distribution

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(
            keras.distribution.distribute_tensor(array, self._distribution.get_data_layout(array.shape))
            for array in self._batches[index]
        )

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self._batches.on_epoch_end()
