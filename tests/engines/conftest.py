"""Keras 2 for the tests: a second Python process, started once, because tfmot must not be imported into this one."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

_SERVER = """
import gc, json, os, sys, traceback
lines = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
for line in sys.stdin:
    scope = {}
    try:
        exec(json.loads(line), scope)
        answer = {"result": scope.get("result")}
    except Exception:
        answer = {"failed": traceback.format_exc()}
    lines.write(json.dumps(answer) + "\\n")
    # Networks hold themselves in circles, and dozens of them gigabytes.
    scope.clear()
    if "tf_keras" in sys.modules:
        sys.modules["tf_keras"].backend.clear_session()
    gc.collect()
"""


@pytest.fixture(scope="session")
def legacy() -> Iterator[Callable[[str], Any]]:
    """Runs code in the other process and gives what it leaves in `result`."""
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdin is not None and child.stdout is not None

        def run(code: str) -> Any:
            child.stdin.write(json.dumps(textwrap.dedent(code)) + "\n")
            child.stdin.flush()
            answer = json.loads(child.stdout.readline())
            if "failed" in answer:
                pytest.fail(answer["failed"])
            return answer["result"]

        yield run
        child.stdin.close()


@pytest.fixture(scope="session")
def onnx_bytes() -> Callable[..., bytes]:
    """The .onnx file of a SavedModel by a method's name; calibrated ones take the photos."""
    from edgetl.core.methods import METHODS
    from edgetl.engines.onnx import calibrate as onnx_calibrate
    from edgetl.engines.onnx import convert as onnx_convert

    def made(saved: Any, name: str, photos: Any, card: Any) -> bytes:
        method, graph = METHODS[name], onnx_convert.translate_saved_model(saved)
        if not method.calibrated:
            return onnx_convert.convert_graph(graph, method, card)
        return onnx_calibrate.quantize_model(
            onnx_calibrate.calibrate_model(graph, photos, lambda _: None), method, (), card
        )

    return made


@pytest.fixture(scope="session")
def told(small_model: Callable[..., Any], photo_array: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Code that opens the small model for `legacy`: `net`, scaled `photos`, Keras 3's `answers`, raw `pixels`."""
    import numpy as np

    from edgetl.core.network import description
    from edgetl.engines.keras import to_network

    folder = tmp_path_factory.mktemp("told")
    model = small_model()
    # As if trained: statistics that fold into something, and scores that differ from photo to photo.
    noise = np.random.default_rng(5)
    for name in ("bn1", "bn2"):
        layer = model.get_layer(name)
        layer.set_weights([noise.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    kernel, bias = model.get_layer("scores").get_weights()
    model.get_layer("scores").set_weights([kernel * 20, bias])
    description.save_network(to_network.describe_network(model), folder)
    photos, answers = to_network.probe_model(model, photo_array)
    np.savez(folder / "probe.npz", photos=photos, answers=answers, pixels=photo_array)
    return f"""
import numpy as np
from pathlib import Path
from edgetl.core.network import description as flatnet, folding
net = flatnet.load_network(Path({str(folder)!r}))
kept = np.load({str(folder / "probe.npz")!r})
photos, answers, pixels = kept["photos"], kept["answers"], kept["pixels"]
labels = np.repeat(np.arange(3), 10)

class Held:
    def __len__(self): return len(pixels)
    def rows(self, rows): return pixels[np.asarray(rows)]

from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.engines.tfmot.integer_export import PixelScaling
from edgetl.engines.keras.batches import LabelledPhotos
from edgetl.engines.tfmot.fit import RetrainSetup
from edgetl.core.progress import TrainingListener

scaling = PixelScaling(matrix=np.eye(3, dtype=np.float32) / 127.5, offset=-np.ones(3, np.float32))

def course(**retrain):
    held = LabelledPhotos(pixels=Held(), labels=labels, sha256s=[str(row) for row in range(30)])
    retrain["compress_epochs"] = retrain.get("epochs", 1)
    recipe = resolve_recipe(flags={{"retrain": retrain, "training": {{"batch_size": 8}}}})
    return RetrainSetup(train=held, validation=held, recipe=recipe, learning_rate=1e-3, scaled=scaling.scaled)

seen = []
watch = TrainingListener(
    begin=lambda *what: seen.append(what),
    step=lambda *what: seen.append(what),
    epoch=lambda epoch: seen.append(epoch),
    say=lambda text: seen.append(text),
)
"""
