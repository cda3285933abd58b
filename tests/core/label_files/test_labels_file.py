"""labels_file.py: encodings, other files, folders, and a file for a model with more outputs than folders."""

import os
import subprocess
import unicodedata

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.label_files.labels_file import match_folders, name_outputs, read_labels
from edgetl.core.photos.photo_folder import PhotoFolder


@pytest.fixture
def write(tmp_path):
    def run(content, name="labels.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return run


def make_folder(tmp_path, *classes):
    return PhotoFolder(tmp_path, classes, (), (), ())


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("with_file", [True, False])
def test_outputs_for_several_labels_are_those_of_the_photos(write, tmp_path, outputs, with_file):
    """Of a label that no photo is known to have, it is not known that a photo lacks it."""
    folder = PhotoFolder(tmp_path, ("cat", "dog"), (), (), (), multi_label=True)
    labels = str(write("\n".join(["cat", "dog", "owl"][:outputs]))) if with_file else ""
    with pytest.raises(ConfigError, match=f"the model predicts {outputs} labels, the photos have 2"):
        name_outputs(labels, outputs, folder)
    assert name_outputs("", 2, folder) == ()


def test_byte_order_mark_is_no_part_of_the_first_name(write):
    assert read_labels(write(b"\xef\xbb\xbfcat\r\ngro\xc3\x9fer hund\r\n"), 2) == ("cat", "großer hund")
    assert read_labels(write(b'\xef\xbb\xbf{"cat": 0, "dog": 1}', "labels.json"), 2) == ("cat", "dog")
    assert read_labels(write(b"\xef\xbb\xbfindex,name\n0,cat\n1,dog\n", "labels.csv"), 2) == ("cat", "dog")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-16-le"])
def test_other_encodings_are_an_error_with_the_command_that_converts(write, tmp_path, encoding):
    path = write("cat\ngro\u00dfer hund\n".encode(encoding), "my labels.txt")
    with pytest.raises(ConfigError, match=r"UTF-(16|32).*, and UTF-8 is needed") as caught:
        read_labels(path, 2)
    command = caught.value.hint.partition("or: ")[2]
    assert command.startswith("iconv -f UTF-")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert read_labels(tmp_path / "labels-utf8.txt", 2) == ("cat", "gro\u00dfer hund")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"TFL3 some model\0"])
def test_file_that_is_no_text_is_not_taken_for_another_encoding(write, content):
    with pytest.raises(ConfigError, match="no text: it contains zero bytes") as caught:
        read_labels(write(content, "labels"), 2)
    assert "iconv" not in caught.value.hint


@pytest.mark.parametrize(("folder", "name"), [("CAT", "cat"), ("big_dog", "Big Dog"), ("big dog", "Big-dog")])
def test_name_in_another_case_or_with_underscores_is_similar(write, tmp_path, folder, name):
    with pytest.raises(ConfigError, match=f"no output is called '{folder}'") as caught:
        name_outputs(str(write(f"owl\n{name}\n")), 2, make_folder(tmp_path, folder, "owl"))
    assert caught.value.hint.startswith(f"did you mean '{name}'? ")


@pytest.mark.parametrize(("count", "hint"), [(3, "background class, give it a name"), (5, "remove a line")])
def test_one_name_too_few_or_too_many_has_a_hint(write, count, hint):
    with pytest.raises(ConfigError, match=f"has {count} names") as caught:
        read_labels(write("".join(f"name {number}\n" for number in range(count))), 4)
    assert hint in caught.value.hint


def test_line_that_is_not_utf8_is_named(write):
    path = write("cat\ngroßer hund\n".encode("latin-1"))
    with pytest.raises(ConfigError, match="line 2: the labels file is not UTF-8 text") as caught:
        read_labels(path, 2)
    assert caught.value.where == (str(path),)


@pytest.mark.parametrize("content", [b"", b"cat", b"cat\n\ndog", b"\n\n"])
def test_file_without_the_names_is_an_error_that_names_it(write, content):
    path = write(content)
    with pytest.raises(ConfigError) as caught:
        read_labels(path, 2)
    assert caught.value.where == (str(path),) and "one name on each line" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("labels.pbtxt", "a label map"),
        ("m.tflite", "a model"),
        ("l.xlsx", "a spreadsheet"),
        ("d.yaml", "YAML"),
        ("m.H5", "a model"),
    ],
)
def test_other_kinds_of_files_are_named(write, name, message):
    with pytest.raises(ConfigError, match=f"not a labels file, but {message}"):
        read_labels(write("x", name), 2)


def test_file_that_cannot_be_read_is_an_error_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "labels.txt")
    with pytest.raises(ConfigError, match="the labels file cannot be read: it is a named pipe"):
        read_labels(tmp_path / "labels.txt", 2)
    with pytest.raises(ConfigError, match=r"the labels file cannot be read: .*[Nn]o such file"):
        read_labels(tmp_path / "absent.txt", 2)


def test_name_is_spelt_like_its_folder(write):
    """A file of macOS may have the letter and its accent as two characters."""
    path = write(unicodedata.normalize("NFD", "käfer\nbiene\n"))
    assert read_labels(path, 2, ("biene", "käfer")) == ("käfer", "biene")


def test_further_outputs_have_names_and_no_folders(write, tmp_path):
    path = write("background\ntulips\ndaisy\nroses\n")
    names = name_outputs(str(path), 4, make_folder(tmp_path, "daisy", "roses"))
    assert names == ("background", "tulips", "daisy", "roses")
    assert match_folders(names, ("daisy", "roses"), path, tmp_path) == (2, 3)


def test_folder_without_an_output_is_an_error_with_a_similar_name(write, tmp_path):
    path = write("background\ntulip\ndaisy\n")
    with pytest.raises(ConfigError, match="no output is called 'tulips', as 1 of 2 folders are") as caught:
        name_outputs(str(path), 3, make_folder(tmp_path, "daisy", "tulips"))
    assert "did you mean 'tulip'?" in caught.value.hint


def test_numbers_from_1_are_explained(write, tmp_path):
    with pytest.raises(ConfigError, match="no output is called 'cat', 'dog'") as caught:
        name_outputs(str(write("1 cat\n2 dog\n")), 2, make_folder(tmp_path, "cat", "dog"))
    assert caught.value.hint.startswith("count the outputs from 0")


def test_more_outputs_than_folders_need_labels(tmp_path):
    with pytest.raises(ConfigError, match="the model predicts 3 classes, the photos have 2") as caught:
        name_outputs("", 3, make_folder(tmp_path, "cat", "dog"))
    assert caught.value.hint.startswith("--labels FILE with the names of all 3 outputs")
    with pytest.raises(ConfigError, match="the model predicts 2 classes, the photos have 3"):
        name_outputs("", 2, make_folder(tmp_path, "a", "b", "c"))
    assert name_outputs("", 2, make_folder(tmp_path, "a", "b")) == ()
