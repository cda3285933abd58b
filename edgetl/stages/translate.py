"""Trained → Graph: the model in ONNX, in float. Kept, for it takes longer than all that is made of it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core.records import Graph, Trained
from edgetl.core.runs import sha256_of
from edgetl.engines.keras import saved_model as savedmodel
from edgetl.engines.onnx import convert as onnx_convert


def translate(trained: Trained, folder: Path) -> Graph:
    """Write graph.onnx into `folder`.

    Raises:
        StageError: the converter failed.
    """
    path = folder / "graph.onnx"
    with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
        saved_model = Path(work) / "saved_model"
        savedmodel.export(trained.path, saved_model, onnx_convert.KIND)
        path.write_bytes(onnx_convert.translated(saved_model))
    return Graph(path=path, sha256=sha256_of(path))
