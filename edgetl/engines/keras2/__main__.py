"""The child process that has Keras 2: python -m edgetl.engines.keras2 MODEL FOLDER MEMORY_BYTES PROCESSOR_S WALL_S.

In: a model file, and in FOLDER photos.npy to predict. Out in FOLDER: outputs.npy for these photos; without photos.npy
the network and its weights (`keras2_graph`), and probe.npz with random photos and the outputs for them. Always
result.json with the dtypes that the model computes in, or why it cannot be used.
"""

import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from edgetl.core.errors import EdgetlError, first_line
from edgetl.core.storage.files import write_json
from edgetl.engines.keras2.describe import describe_keras2
from edgetl.engines.keras2.load import load_keras2
from edgetl.engines.keras2_graph import save_graph
from edgetl.engines.processes.limits import is_out_of_memory, set_limits

PROBE, PHOTOS, OUTPUTS, GREY, RESULT = "probe.npz", "photos.npy", "outputs.npy", "grey.npy", "result.json"
# Source: ITU-R BT.601, as `rgb_input` weights the channels.
_GREY_WEIGHTS = (0.299, 0.587, 0.114)
# Small, so that the activations of any network fit into the memory of this process.
_BATCH_SIZE = 8
# Ranges of the random photos: models take scaled or raw pixels.
_PROBE_RANGES = (1.0, 255.0)


def run_keras2_job(path: Path, folder: Path) -> dict[str, Any]:
    """Describe a model or predict photos with it; return the report."""
    try:
        model = load_keras2(path)
        photos = folder / PHOTOS
        if photos.is_file():
            fitted = fit_photos(model, np.load(photos, allow_pickle=False), folder)
            np.save(folder / OUTPUTS, predict_fitted(model, fitted), allow_pickle=False)
        else:
            save_graph(describe_keras2(model), folder)
            _write_probe(model, folder)
        dtypes = {str(layer.compute_dtype) for layer in model._flatten_layers() if layer.weights}
        return {"compute_dtypes": sorted(dtypes)}
    except EdgetlError as error:
        return {"message": error.message, "hint": error.hint, "out_of_memory": is_out_of_memory(error)}
    # Whatever a file from a stranger makes a library raise is a problem of the file.
    except Exception as error:  # noqa: BLE001
        # Standard error is the log of the run.
        traceback.print_exc()
        message = f"Keras 2 cannot load or run the model: {type(error).__name__}: {first_line(error)}"
        return {"message": message, "hint": "", "out_of_memory": is_out_of_memory(error)}


def fit_photos(model: tf_keras.Model, photos: np.ndarray, folder: Path) -> np.ndarray:
    """Give RGB photos [photos, height, width, 3] the channels, axes and dtype of the input; write grey ones as well."""
    shape, dtype = model.input_shape, np.dtype(model.inputs[0].dtype.name)
    if 3 not in (shape[-1], shape[1]):
        photos = photos.astype(np.float32) @ np.array(_GREY_WEIGHTS, np.float32).reshape(3, 1)
        photos = photos.round() if np.issubdtype(dtype, np.integer) else photos
        np.save(folder / GREY, photos, allow_pickle=False)
    if shape[-1] not in (1, 3):
        photos = np.moveaxis(photos, -1, 1)
    return photos.astype(dtype)


def predict_fitted(model: tf_keras.Model, photos: np.ndarray) -> np.ndarray:
    """Predict photos that are already scaled; return float32 [photos, units]."""
    # A model with a fixed number of photos gets whole batches, filled up with the last photo.
    fixed = model.input_shape[0]
    size = fixed or _BATCH_SIZE
    batches = []
    for start in range(0, len(photos), size):
        rows = np.arange(start, start + size) if fixed else np.arange(start, min(start + size, len(photos)))
        outputs = model.predict_on_batch(photos[np.minimum(rows, len(photos) - 1)])
        batches.append(outputs[: len(photos) - start])
    return np.concatenate(batches).astype(np.float32)


def _write_probe(model: tf_keras.Model, folder: Path) -> None:
    """Write random photos and what the model predicts for them; none if it does not take photos of one fixed size."""
    shape, photos = model.input_shape, np.zeros((0,), np.float32)
    if len(model.inputs) == len(model.outputs) == 1 and len(shape) == 4 and None not in shape[1:]:
        noise = np.random.default_rng(0).random((len(_PROBE_RANGES), *shape[1:]))
        photos = np.stack([image * largest for image, largest in zip(noise, _PROBE_RANGES, strict=True)])
        photos = photos.astype(model.inputs[0].dtype.name)
    outputs = predict_fitted(model, photos) if len(photos) else photos
    np.savez(folder / PROBE, photos=photos, outputs=outputs)


def main() -> None:
    """Run the job that the command line names."""
    path, folder, memory_bytes, processor_s, wall_s = sys.argv[1:]
    set_limits(int(memory_bytes), int(processor_s), int(wall_s))
    write_json(Path(folder) / RESULT, run_keras2_job(Path(path), Path(folder)))


if __name__ == "__main__":
    main()
