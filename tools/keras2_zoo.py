#!/usr/bin/env python3
"""Layers and networks as Keras 2 saves them, with what Keras 2 predicts: python -m tools.keras2_zoo OUT [NAME ...].

For each name: NAME.h5 and NAME.keras, NAME.npz with random photos and the outputs of Keras 2, and for both files the
network as the child process of edgetl reads it (`edgetl.engines.keras2_graph`). All weights are random.
"""

import sys
import traceback
from functools import partial
from pathlib import Path

import numpy as np
import tf_keras as keras

from edgetl.engines.keras2.describe import describe_keras2
from edgetl.engines.keras2.load import load_keras2
from edgetl.engines.keras2_graph import save_graph
from tools.keras2_layers import LAYERS, L, Make
from tools.keras2_networks import APPLICATIONS, FUNCTIONS, NETWORKS, make_application

ZOO: dict[str, Make] = {
    **{f"layer/{name}": make for name, make in LAYERS.items()},
    **{f"function/{name}": make for name, make in FUNCTIONS.items()},
    **{f"network/{name}": make for name, make in NETWORKS.items()},
    **{f"application/{name}": partial(make_application, name) for name in APPLICATIONS},
}


def randomize(model: keras.Model) -> None:
    """Give every weight a random value, so that none is at its default."""
    rng = np.random.default_rng(1)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.Model) or not layer.weights or isinstance(layer, L.Normalization):
            continue
        for variable in [*layer._trainable_weights, *layer._non_trainable_weights]:
            shape, value = variable.shape, variable.numpy()
            if not np.issubdtype(value.dtype, np.floating):
                continue
            if "variance" in variable.name or "stddev" in variable.name or "gamma" in variable.name:
                value = rng.uniform(0.5, 1.5, shape)
            elif value.ndim > 1:
                value = value * rng.uniform(0.5, 1.5, shape) if np.ptp(value) else rng.normal(0, 0.2, shape)
            else:
                value = rng.normal(0, 0.1, shape)
            variable.assign(value)


def write_model(name: str, folder: Path) -> dict[str, str]:
    """Write a model of the zoo in both formats, with its predictions; return the error of each file, or ""."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(2)
    model = ZOO[name]()
    randomize(model)
    stem = name.replace("/", "-")
    photos = np.random.default_rng(0).integers(0, 256, (4, *model.input_shape[1:])).astype("float32")
    np.savez(folder / f"{stem}.npz", photos=photos, outputs=model.predict_on_batch(photos))
    errors = {}
    for suffix in (".h5", ".keras"):
        path = folder / f"{stem}{suffix}"
        try:
            model.save(path)
            (folder / f"{stem}{suffix}.graph").mkdir(exist_ok=True)
            keras.backend.clear_session()
            save_graph(describe_keras2(load_keras2(path)), folder / f"{stem}{suffix}.graph")
            errors[suffix] = ""
        # One file that cannot be written or read does not end the list.
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            errors[suffix] = f"{type(error).__name__}: {error}".splitlines()[0]
    return errors


def list_names() -> list[str]:
    """List all models of the zoo."""
    return list(ZOO)


def write_zoo(folder: str, names: list[str]) -> dict[str, str]:
    """Write models into a folder; return the error of each file that edgetl did not read."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    errors = {}
    for name in names:
        errors.update({f"{name}{suffix}": error for suffix, error in write_model(name, Path(folder)).items() if error})
    return errors


def main() -> None:
    """Write the models that the command line names, or all but the large networks."""
    folder, *names = sys.argv[1:]
    for name in names or [name for name in ZOO if not name.startswith("application/")]:
        errors = write_zoo(folder, [name])
        for suffix in (".h5", ".keras"):
            print(f"{name}{suffix} {errors.get(name + suffix, 'ok')}", flush=True)


if __name__ == "__main__":
    main()
