"""suspects.csv has every suspect once, is safe in spreadsheets, and --exclude reads it."""

import csv
import io

from edgetl.core.inspection.findings import Suspect
from edgetl.core.inspection.suspects_file import format_suspects, list_suspects
from edgetl.core.photos.parts.exclusions import exclude_photos
from edgetl.core.photos.photo_folder import PhotoFile, PhotoFolder


def test_wrong_labels_come_first_and_a_photo_is_listed_once(inspection, photos):
    rows = list_suspects(inspection, photos)
    assert [row[0] for row in rows] == [photos[1].path, photos[2].path, photos[6].path]
    assert rows[0][1:] == (*inspection.classes, "0.0100", "the label is likely wrong")
    assert rows[2][2:] == ("", "", "blurred: sharpness 2")


def test_file_has_one_line_for_each_suspect_and_no_formula(inspection, photos):
    text = format_suspects(inspection, photos)
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["path", "label", "suggested", "score", "reason"] and len(rows) == len(text.splitlines()) == 4
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_every_suspect_is_excluded(inspection, photos, tmp_path):
    (tmp_path / "suspects.csv").write_text(format_suspects(inspection, photos), encoding="utf-8")
    files = tuple(PhotoFile(photo.path, photo.label, None) for photo in photos)
    folder = PhotoFolder(tmp_path, inspection.classes, (), files, ())
    rest = exclude_photos(folder, tmp_path / "suspects.csv")
    assert [file.path for file in rest.files] == [photos[row].path for row in (0, 3, 4, 5, 7)]


def test_photo_with_two_wrong_labels_is_listed_once_with_the_likelier_one(inspection, photos):
    several = [photo.model_copy(update={"labels": (1, 0)}) for photo in photos]
    suspects = tuple(
        Suspect(row=3, suggested=index, score=score, neighbours=()) for index, score in ((1, 0.1), (0, 0.3))
    )
    rows = list_suspects(inspection.model_copy(update={"suspects": suspects, "bad_photos": ()}), several)
    name = inspection.classes[1]
    assert rows == [(photos[3].path, f"without {name}", f"with {name}", "0.1000", "the label is likely wrong")]
