"""Translation: one float graph, from which every ONNX file of a model is made."""

import pytest

from edgetl.core.errors import StageError
from edgetl.core.records import SourceModel
from edgetl.core.storage.files import hash_file
from edgetl.engines.onnx import convert as onnx_convert
from edgetl.engines.onnx import graph as onnx_graph
from edgetl.stages.translate import translate_model


@pytest.fixture
def source(small_trained):
    return SourceModel(path=small_trained.path, sha256=hash_file(small_trained.path))


def test_translation_writes_one_graph_without_labels(source, work):
    translated = translate_model(work, "onnx", source)
    assert [path.name for path in work.folder.iterdir()] == ["graph.onnx"]
    assert translated.contents() == {translated.path: hash_file(translated.path)}
    # Labels are written into the files that are converted from it.
    assert not onnx_graph.read_model(translated.path).metadata_props


def test_failure_of_the_converter_is_an_error_with_its_message(source, work, in_this_process, monkeypatch):
    def fail(*_, **__):
        raise KeyError("an operator")

    monkeypatch.setattr(onnx_convert, "trace_saved_model", fail)
    with pytest.raises(StageError, match="'an operator'"):
        translate_model(work, "onnx", source)
