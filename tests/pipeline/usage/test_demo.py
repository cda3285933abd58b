"""The demo on this machine: shipped programs with a checked model, on the own address, and nothing left behind."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edgetl.core.device import bundle_reading
from edgetl.core.errors import ConfigError, DataError, MissingPackage, StageError
from edgetl.core.interrupt import watch_signals
from edgetl.core.photos import pixels
from edgetl.core.records import Photo
from edgetl.pipeline.options import ClassifierOptions
from edgetl.pipeline.usage import demo
from edgetl.pipeline.usage.classifiers import find_classifier
from edgetl.pipeline.usage.demo import DemoSource, collect_test_photos, link_class_photos, list_arguments, write_demo

PAGE = DemoSource(photos=None, port=0, terminal=False)
TERMINAL = DemoSource(photos=None, port=0, terminal=True)


@pytest.fixture(scope="module")
def classifier(built):
    return find_classifier(built.run, ClassifierOptions())


@pytest.mark.parametrize("target", ["tflite", "onnx"])
def test_folder_of_the_demo_is_a_bundle_of_shipped_programs(built_both, tmp_path, target):
    classifier = find_classifier(built_both.run, ClassifierOptions(target=target))
    write_demo(classifier, tmp_path)
    written = bundle_reading._parse_checksums(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*written, "SHA256SUMS"}
    for name, digest in written.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    targets = Path(demo.__file__).parents[3] / "targets"
    assert (tmp_path / "demo.py").read_bytes() == (targets / "raspberry-pi" / "demo.py").read_bytes()
    assert (tmp_path / "runtime.py").read_bytes() == (targets / target / "runtime.py").read_bytes()
    assert (tmp_path / "pixels.py").read_bytes() == Path(pixels.__file__).read_bytes()
    facts = json.loads((tmp_path / "model.json").read_text())
    assert facts["model"] == f"model.{target}" and facts["output"]["labels"] == list(classifier.classes)
    assert facts["provenance"]["base"] == "mobilenet" and facts["runtime"]["accelerated"] is True


def test_model_that_changed_since_it_was_checked_is_not_shown(classifier, tmp_path):
    with pytest.raises(StageError, match="the model changed"):
        write_demo(classifier.model_copy(update={"sha256": "0" * 64}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_demo_gets_the_thresholds_of_answers(classifier, tmp_path):
    write_demo(classifier, tmp_path)
    assert (tmp_path / "features.npy").read_bytes() == classifier.reference.path.read_bytes()
    answers = json.loads((tmp_path / "model.json").read_text())["answers"]
    assert answers["least_similarities"] == classifier.reference.least_similarities
    assert answers["least_probability"] == classifier.reference.least_probability


def test_reference_features_that_changed_are_not_shown(classifier, tmp_path):
    reference = classifier.reference.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(StageError, match="the model changed"):
        write_demo(classifier.model_copy(update={"reference": reference}), tmp_path)


def test_demo_without_reference_features_has_labels_alone(classifier, tmp_path):
    write_demo(classifier.model_copy(update={"reference": None}), tmp_path)
    assert "answers" not in json.loads((tmp_path / "model.json").read_text())
    assert not (tmp_path / "features.npy").exists()


def test_demo_listens_on_the_own_address_only(tmp_path):
    for source in (PAGE, TERMINAL, DemoSource(photos=tmp_path, port=8000, terminal=False)):
        arguments = list_arguments(source)
        assert arguments[arguments.index("--host") + 1] == "127.0.0.1"
        assert arguments[arguments.index("--port") + 1] == f"{source.port}"
        assert ("--terminal" in arguments) is source.terminal
    assert list_arguments(PAGE)[:2] == ["--source", "auto"]
    assert arguments[:2] == ["--photos", str(tmp_path)]


def test_test_photos_are_linked_into_folders_of_their_classes(built, shared_dataset, tmp_path):
    collect_test_photos(built.run, tmp_path)
    links = sorted(path for path in tmp_path.rglob("*") if path.is_symlink())
    assert len(links) == len(shared_dataset.test)
    expected = {
        (shared_dataset.root / photo.path, shared_dataset.classes[photo.label]) for photo in shared_dataset.test
    }
    assert {(path.readlink(), path.parent.name) for path in links} == expected


def test_photos_with_one_name_are_all_linked(tmp_path):
    for name in ("a", "b", "out"):
        (tmp_path / name).mkdir()
    photos = [("cat", tmp_path / "a" / "1.jpg"), ("cat", tmp_path / "b" / "1.jpg"), ("dog", tmp_path / "b" / "1.jpg")]
    link_class_photos(photos, tmp_path / "out")
    linked = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg"))
    assert linked == ["cat/1-1.jpg", "cat/1.jpg", "dog/1.jpg"]


def test_run_without_test_photos_asks_for_a_folder(tmp_path, built):
    with pytest.raises(ConfigError, match="no test photos") as error:
        collect_test_photos(tmp_path, tmp_path)
    assert "--photos DIR" in error.value.hint
    run = Path(shutil.copytree(built.run, tmp_path / "run"))
    value = json.loads((run / "ingest" / "ingest.json").read_text())
    value["record"]["root"] = str(tmp_path / "moved")
    (run / "ingest" / "ingest.json").write_text(json.dumps(value))
    with pytest.raises(DataError, match="no longer there"):
        collect_test_photos(run, tmp_path)


def test_page_without_aiohttp_names_the_extra(classifier, monkeypatch):
    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    with pytest.raises(MissingPackage, match="aiohttp") as error:
        demo.show_demo(classifier, PAGE)
    assert "edgetl[demo]" in error.value.hint and "--terminal" in error.value.hint


def test_folder_that_does_not_exist_is_refused(classifier, tmp_path):
    with pytest.raises(ConfigError, match="--photos is no folder"):
        demo.show_demo(classifier, DemoSource(photos=tmp_path / "gone", port=0, terminal=True))


def start(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code])


@pytest.mark.parametrize(("code", "expected"), [("raise SystemExit(2)", 2), ("pass", 0)])
def test_exit_code_is_that_of_the_demo(code, expected):
    assert demo._wait(start(code)) == expected


def test_demo_that_crashed_is_an_error():
    with pytest.raises(StageError, match="ended by signal 9"):
        demo._wait(start("import os; os.kill(os.getpid(), 9)"))


@pytest.mark.parametrize(
    "code",
    ["import time; time.sleep(60)", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"],
    ids=["ends by SIGTERM", "ends by SIGKILL"],
)
def test_demo_that_ignores_an_interrupt_is_ended(monkeypatch, code):
    monkeypatch.setattr(demo, "_END_S", 0.5)
    child = start(code)
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with watch_signals():
        assert demo._wait(child) == 0
    assert child.poll() is not None


def test_demo_gets_thresholds_and_folders_named_after_labels(classifier):
    several = classifier.model_copy(update={"thresholds": (0.5, 0.4, 0.3)})
    facts = demo.describe_classifier(several)
    assert facts["output"]["thresholds"] == [0.5, 0.4, 0.3] and facts["schema"] == 3
    assert "thresholds" not in demo.describe_classifier(classifier)["output"]
    photo = Photo(path="1.jpg", label=0, sha256="", labels=(1, 0, 1))
    assert demo.name_folder(photo, ("a/b", "c", "d")) == "a_b, d"
    assert demo.name_folder(photo.model_copy(update={"labels": (0, 0, 0)}), ("a", "b", "c")) == "none"
