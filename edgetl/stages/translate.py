"""A Keras model → the file that all conversions to one format start from. Making it takes longer than they do."""

from edgetl.core.formats import FormatName
from edgetl.core.records import SourceModel
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.engines.backends import BACKENDS


def translate_model(work: Workspace, format_name: FormatName, model: SourceModel) -> SourceModel:
    """Translate a .keras file to a format.

    Raises:
        StageError: the converter failed.
    """
    path = BACKENDS[format_name].prepare(model.path, work.folder)
    return SourceModel(path=path, sha256=hash_file(path))
