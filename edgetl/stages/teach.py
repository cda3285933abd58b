"""A finished run → its model, copied as the teacher of another run, which stays complete without the first one."""

import shutil

from edgetl.core.records import Trained
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.files import hash_file


def keep_teacher(work: Workspace, teacher: Trained) -> Trained:
    """Copy the model of a teacher into the folder of the stage.

    Args:
        work: folder of the stage.
        teacher: the model of a finished run.
    """
    path = work.folder / "model.keras"
    shutil.copyfile(teacher.path, path)
    return teacher.model_copy(update={"path": path, "sha256": hash_file(path)})
