"""Trained → Graph: the model in ONNX, in float. Kept, for it takes longer than all that is made of it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from edgetl.core.records import SourceModel, Trained
from edgetl.core.runs import hash_file
from edgetl.engines.keras import saved_model as savedmodel
from edgetl.engines.onnx import convert as onnx_convert


def translate(trained: Trained, folder: Path) -> SourceModel:
    """Write graph.onnx into `folder`.

    Raises:
        StageError: the converter failed.
    """
    path = folder / "graph.onnx"
    with TemporaryDirectory(prefix="edgetl-savedmodel-") as work:
        saved_model = Path(work) / "saved_model"
        savedmodel.export_saved_model(trained.path, saved_model, onnx_convert.KIND)
        path.write_bytes(onnx_convert.translate_saved_model(saved_model))
    return SourceModel(path=path, sha256=hash_file(path))
