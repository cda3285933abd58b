"""The child process of `inspection`: loads a model file within limits, predicts one photo, and writes result.json.

python -m edgetl.engines.keras.external MODEL FOLDER MEMORY_BYTES PROCESSOR_S WALL_S
"""

import sys
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.errors import EdgetlError, first_line
from edgetl.core.storage.files import write_json
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external.inspection import RESULT
from edgetl.engines.keras.external.load import load_external
from edgetl.engines.keras.external.outputs import predict_raw
from edgetl.engines.processes.limits import is_out_of_memory, set_limits


def main() -> None:
    """Load the model that the command line names."""
    path, folder, memory_bytes, processor_s, wall_s = sys.argv[1:]
    set_limits(int(memory_bytes), int(processor_s), int(wall_s))
    write_json(Path(folder) / RESULT, inspect_file(Path(path)))


def inspect_file(path: Path) -> dict[str, Any]:
    """Load a model and predict one grey photo. Return the size of its input and output, or why it cannot be used."""
    try:
        model = load_external(path)
        height_px, width_px = keras_model.read_input_size(model)
        predict_raw(model, np.full((1, height_px, width_px, 3), 128, np.float32))
    except EdgetlError as error:
        # Standard error is the log of the run. What a library raised is the cause of the error.
        traceback.print_exc()
        return {"message": error.message, "hint": error.hint, "out_of_memory": is_out_of_memory(error)}
    # Whatever a file from a stranger makes a library raise is a problem of the file.
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        message = f"the model cannot be loaded or run: {type(error).__name__}: {first_line(error)}"
        return {"message": message, "hint": "", "out_of_memory": is_out_of_memory(error)}
    return {"height_px": height_px, "width_px": width_px, "outputs": int(model.outputs[0].shape[1])}


if __name__ == "__main__":
    main()
