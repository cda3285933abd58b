"""The key of a lesson covers the photos, the input and the teacher."""

from edgetl.core.records import InputSpec
from edgetl.core.run.fingerprint import resolve_key
from edgetl.core.tasks.lesson import Lesson


def test_key_covers_photos_input_and_teacher(shared_dataset, built):
    def key(**changes):
        parts = {"dataset": shared_dataset, "input_spec": built.trained.input, "teacher": built.trained}
        return resolve_key(Lesson(**{**parts, **changes}))

    changed = [
        key(),
        key(dataset=shared_dataset.model_copy(update={"sha256": "0"})),
        key(input_spec=InputSpec(height_px=16, width_px=16, fit="crop")),
        key(teacher=built.trained.model_copy(update={"sha256": "0"})),
    ]
    assert len({str(value) for value in changed}) == 4
