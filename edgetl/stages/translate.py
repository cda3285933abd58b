"""A Keras model → the file that all conversions to one format start from. Making it takes longer than they do."""

from pathlib import Path

from edgetl.core.formats import FormatName
from edgetl.core.records import SourceModel
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file
from edgetl.engines.conversion.conversions import run_conversion
from edgetl.engines.conversion.tasks import ConversionTask


def translate_model(work: Workspace, format_name: FormatName, model: SourceModel) -> SourceModel:
    """Translate a .keras file to a format.

    Raises:
        StageError: the converter failed.
    """
    # The side of the input is in the model.
    task = ConversionTask(action="prepare", format=format_name, source=model.path, output=work.folder)
    path = Path(run_conversion(task, model.path))
    return SourceModel(path=path, sha256=hash_file(path))
