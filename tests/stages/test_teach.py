"""The model of a run becomes the teacher of another one."""

from edgetl.core.storage.files import hash_file
from edgetl.stages.teach import keep_teacher


def test_copy_is_complete_and_has_the_record_of_the_original(work, built):
    teacher = keep_teacher(work, built.trained)
    assert teacher.path == work.folder / "model.keras"
    assert hash_file(teacher.path) == teacher.sha256 == built.trained.sha256
    assert (teacher.classes, teacher.input, teacher.phases) == (
        built.trained.classes,
        built.trained.input,
        built.trained.phases,
    )
