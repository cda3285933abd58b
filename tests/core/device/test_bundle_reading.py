"""A bundle from anywhere: its classifier, or a sentence about what is wrong with it. None of its code runs."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from edgetl.core.device import bundle_files
from edgetl.core.device.bundle_reading import is_bundle, read_bundle
from edgetl.core.errors import ConfigError


@pytest.fixture
def bundle(delivered, tmp_path) -> Path:
    """A copy of the bundle of the shared run."""
    return Path(shutil.copytree(delivered.bundle.root, tmp_path / "bundle"))


def sign(folder: Path) -> None:
    """Write SHA256SUMS anew, as somebody does who changes a bundle and knows how."""
    names = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != bundle_files.CHECKSUMS
    ]
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    (folder / bundle_files.CHECKSUMS).write_text(bundle_files.format_checksums(digests))


def change_facts(folder: Path, change) -> None:
    facts = json.loads((folder / "model.json").read_text())
    change(facts)
    (folder / "model.json").write_text(json.dumps(facts))
    sign(folder)


def test_classifier_of_a_bundle_is_what_was_built(bundle, built, delivered):
    classifier = read_bundle(bundle)
    assert is_bundle(bundle) and not is_bundle(bundle.parent)
    assert classifier.path == bundle / "model.tflite" and classifier.format == "tflite"
    assert (classifier.sha256, classifier.trained_sha256) == (delivered.artifact.sha256, built.trained.sha256)
    assert (classifier.classes, classifier.input) == (built.trained.classes, built.trained.input)
    assert classifier.method == delivered.artifact.method


@pytest.mark.parametrize("name", ["model.tflite", "model.json", "labels.txt", "pixels.py", "golden/expected.npz"])
@pytest.mark.parametrize("change", ["append", "remove", "link", "fifo", "folder"])
def test_changed_file_is_named(bundle, tmp_path, name, change):
    path = bundle / name
    if change == "append":
        path.write_bytes(path.read_bytes() + b" ")
    else:
        content = path.read_bytes()
        path.unlink()
        if change == "link":
            (tmp_path / "same").write_bytes(content)
            path.symlink_to(tmp_path / "same")
        elif change == "fifo":
            os.mkfifo(path)
        elif change == "folder":
            path.mkdir()
    with pytest.raises(ConfigError, match="the bundle is not as it was made: 1 of") as error:
        read_bundle(bundle)
    assert error.value.where == (str(path),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("  the lines above", "0  the lines above", 1), "the list of files was changed"),
        (lambda text: "", "a line is not the sha256"),
        (lambda text: text.rpartition("# ")[0], "the list of files was changed"),
        (lambda text: text.partition("\n")[2], "the list of files was changed"),
        (lambda text: f"{'0' * 64}  ../../etc/passwd\n{text}", "a line is not the sha256"),
        (lambda text: f"{'0' * 64}  /etc/passwd\n{text}", "a line is not the sha256"),
        (lambda text: f"hello\n{text}", "a line is not the sha256"),
    ],
    ids=["end of the last line", "empty", "no last line", "a line less", "outside", "absolute", "text"],
)
def test_changed_list_of_files_is_noticed(bundle, change, message):
    path = bundle / bundle_files.CHECKSUMS
    path.write_text(change(path.read_text()))
    with pytest.raises(ConfigError, match=message):
        read_bundle(bundle)


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.update(schema=4),
        lambda facts: facts.update(model="../model.tflite"),
        lambda facts: facts.update(model="/dev/zero"),
        lambda facts: facts["input"].update(height_px=10**9),
        lambda facts: facts["input"].update(width_px=0),
        lambda facts: facts["input"].pop("width_px"),
        lambda facts: facts["input"].update(fit="squash"),
        lambda facts: facts["output"].update(labels=["one"]),
        lambda facts: facts["output"].update(labels=["one", ""]),
        lambda facts: facts["output"].update(labels="one"),
        lambda facts: facts.pop("provenance"),
        lambda facts: facts["provenance"].update(artifact_sha256=5),
    ],
)
def test_impossible_facts_are_refused_although_the_checksums_fit(bundle, change):
    change_facts(bundle, change)
    with pytest.raises(ConfigError, match=r"not the model\.json of a bundle"):
        read_bundle(bundle)


def test_bundle_of_a_rectangular_input_is_read(bundle):
    change_facts(bundle, lambda facts: facts["input"].update(height_px=96, width_px=128))
    assert read_bundle(bundle).input.shape == (96, 128, 3)


def test_bundle_of_schema_1_with_a_square_input_is_read(bundle):
    expected = read_bundle(bundle).input

    def make_old(facts):
        facts["schema"] = 1
        facts["input"]["side_px"] = facts["input"].pop("height_px")
        del facts["input"]["width_px"]

    change_facts(bundle, make_old)
    assert read_bundle(bundle).input == expected


def test_facts_of_another_model_are_refused(bundle):
    change_facts(bundle, lambda facts: facts["provenance"].update(artifact_sha256="0" * 64))
    with pytest.raises(ConfigError, match="are of different models"):
        read_bundle(bundle)


@pytest.mark.parametrize("content", ["[" * 100_000, "{", "", "\x00"])
def test_facts_that_are_no_json_are_refused(bundle, content):
    (bundle / "model.json").write_text(content)
    sign(bundle)
    with pytest.raises(ConfigError, match=r"model\.json is not JSON"):
        read_bundle(bundle)


def test_list_of_files_that_is_a_link_is_not_followed(bundle):
    path = bundle / bundle_files.CHECKSUMS
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match=r"SHA256SUMS cannot be read: .*link"):
        read_bundle(bundle)


def test_thresholds_of_labels_are_read(bundle, built):
    thresholds = [0.5] * len(built.trained.classes)

    def add_thresholds(facts):
        facts["schema"] = bundle_files.LABELS_SCHEMA
        facts["output"]["thresholds"] = thresholds

    change_facts(bundle, add_thresholds)
    assert read_bundle(bundle).thresholds == tuple(thresholds)
    thresholds.append(0.5)
    change_facts(bundle, add_thresholds)
    with pytest.raises(ConfigError, match="has 4 thresholds for 3 labels"):
        read_bundle(bundle)


def test_thresholds_of_answers_are_read_with_their_reference_features(bundle):
    facts = json.loads((bundle / "model.json").read_text())["answers"]
    reference = read_bundle(bundle).reference
    assert reference.path == bundle / "features.npy"
    assert reference.sha256 == hashlib.sha256((bundle / "features.npy").read_bytes()).hexdigest()
    assert reference.least_similarities == facts["least_similarities"]
    assert reference.least_probability == facts["least_probability"]


def test_bundle_without_thresholds_gives_every_photo_a_label(bundle):
    change_facts(bundle, lambda facts: facts.pop("answers"))
    assert read_bundle(bundle).reference is None


def test_thresholds_without_reference_features_are_refused(bundle):
    (bundle / "features.npy").unlink()
    sign(bundle)
    with pytest.raises(ConfigError, match=r"model\.json has thresholds without features\.npy"):
        read_bundle(bundle)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("least_similarities", {"another": 0.5}),
        ("least_similarities", {}),
        ("least_similarities", {"circle": 7.0, "square": 0.5, "triangle": 0.5}),
        ("least_probability", -0.1),
        ("least_probability", "0.5"),
    ],
)
def test_impossible_thresholds_are_refused(bundle, name, value):
    change_facts(bundle, lambda facts: facts["answers"].update({name: value}))
    with pytest.raises(ConfigError, match=r"of other labels|not the model\.json of a bundle: answers"):
        read_bundle(bundle)
