"""Whether a model may teach another one: it has the same classes, and has seen none of the student's test photos."""

from pathlib import Path

from edgetl.core.errors import ConfigError
from edgetl.core.records import Dataset, Trained

_NAMED_CLASSES = 5


def check_teacher_classes(teacher: Trained, dataset: Dataset, activation: str, place: Path) -> None:
    """Check that a teacher predicts what the student shall predict.

    Args:
        teacher: the model.
        dataset: photos of the student.
        activation: of the student.
        place: the run or the file, for the error.

    Raises:
        ConfigError: other classes, or another activation of the last layer.
    """
    if teacher.classes != dataset.classes:
        raise ConfigError(
            f"--teacher predicts {_name_classes(teacher.classes)}, and the photos are of "
            f"{_name_classes(dataset.classes)}",
            where=(place, dataset.root),
            hint="use a teacher of the same classes, or the name of a base, which is trained on these photos first",
        )
    if bool(teacher.thresholds) != dataset.multi_label:
        raise ConfigError(
            "--teacher and the photos differ in whether a photo may have several labels",
            where=(place, dataset.root),
            hint="use the name of a base, which is trained on these photos first",
        )
    if teacher.activation != activation:
        raise ConfigError(
            f"--teacher has a {teacher.activation} as its last activation, and the model to train a {activation}",
            where=(place,),
            hint=f"add --activation {teacher.activation}",
        )


def check_teacher_photos(seen: Dataset, dataset: Dataset, place: Path) -> int:
    """Check that a teacher was not trained on test photos of the student.

    Its validation photos count too: they chose its best epoch.

    Args:
        seen: photos of the teacher.
        dataset: photos of the student.
        place: the run of the teacher, for the error.

    Returns:
        The number of validation photos of the student that the teacher was trained on. They are judged too well.

    Raises:
        ConfigError: it was trained on some.
    """
    known = {photo.sha256 for photo in (*seen.train, *seen.validation)}
    leaked = [photo for photo in dataset.test if photo.sha256 in known]
    if leaked:
        raise ConfigError(
            f"--teacher was trained on {len(leaked)} of the {len(dataset.test)} test photos: what they show would "
            "be no result on new photos",
            where=(place, leaked[0].path),
            hint="build the teacher from the same photos with the same test part, or use the name of a base",
        )
    trained = {photo.sha256 for photo in seen.train}
    return sum(photo.sha256 in trained for photo in dataset.validation)


def _name_classes(classes: tuple[str, ...]) -> str:
    more = f" and {len(classes) - _NAMED_CLASSES} more" if len(classes) > _NAMED_CLASSES else ""
    return f"{', '.join(classes[:_NAMED_CLASSES])}{more}"
