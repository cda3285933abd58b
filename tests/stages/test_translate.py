"""translate: one float graph, from which every ONNX file of a model is made."""

import pytest

from edgetl.core.errors import StageError
from edgetl.core.records import Trained
from edgetl.core.storage.files import hash_file
from edgetl.engines.keras import model as keras_model
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.stages import translate as stage


@pytest.fixture
def trained(small_model, tmp_path):
    path = tmp_path / "model.keras"
    keras_model.save_model(small_model(), path)
    return Trained.model_construct(path=path)


def test_the_graph(trained, tmp_path):
    (tmp_path / "made").mkdir()
    graph = stage.translate(trained, tmp_path / "made")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["graph.onnx"]
    assert graph.contents() == {graph.path: hash_file(graph.path)}
    assert not onnx_graph.read_model(graph.path).metadata_props, "labels are the files', not the graph's"


def test_a_converter_that_fails(trained, tmp_path, monkeypatch):
    def failing(*_, **__):
        raise KeyError("an operator")

    monkeypatch.setattr(onnx_convert, "trace_saved_model", failing)
    with pytest.raises(StageError, match="the SavedModel could not become ONNX: 'an operator'"):
        stage.translate(trained, tmp_path)
