"""What a student learns from."""

from dataclasses import dataclass

from edgetl.core.records import Dataset, InputSpec, Trained


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """What a student learns from: the photos, its input, and its teacher, whose classes are those of the photos."""

    dataset: Dataset
    input_spec: InputSpec
    teacher: Trained
