"""A classifier → the camera demo of the targets on this machine, with photos of a folder or a camera.

The demo is a child process. It runs the programs of edgetl, never those of the bundle, which may come from a stranger:
a temporary folder gets the shipped programs, the model, and facts that were checked.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgetl.core.device import bundle_files, target_search, targets
from edgetl.core.device.answer_facts import FEATURES_FILE
from edgetl.core.device.bundle_reading import FACTS, Classifier
from edgetl.core.errors import ConfigError, DataError, MissingPackage, StageError
from edgetl.core.interrupt import call_when_interrupted, is_interrupted
from edgetl.core.methods import METHODS
from edgetl.core.photos import pixels
from edgetl.core.records import Dataset, Photo
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.core.storage.regular_files import LARGEST_MODEL_BYTES, LARGEST_RECORD_BYTES, read_regular
from edgetl.pipeline.usage.answers import describe_facts

# The target whose payload contains the demo. The one with the name of the format has the runtime of that format.
_DEMO_TARGET = "raspberry-pi"
# ^C in a terminal reaches the demo too, which ends by it once it runs. While Python still imports, it would print a
# traceback: it starts with the signal ignored, and installs its own handler.
_IGNORE_INTERRUPT = ("/bin/sh", "-c", 'trap "" INT; exec "$0" "$@"')
# Seconds until a demo that has not ended by ^C gets SIGTERM, and then SIGKILL.
_END_S = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoSource:
    """What the demo shows, and where.

    Attributes:
        photos: folder of photos; None for a camera.
        port: port on this machine's own address, 127.0.0.1; 0 for any free one.
        terminal: whether it is shown in the terminal and not in a browser.
    """

    photos: Path | None
    port: int
    terminal: bool


def show_demo(classifier: Classifier, source: DemoSource) -> int:
    """Run the demo until ^C, and return its exit code: 0 after ^C.

    Raises:
        MissingPackage: the page needs aiohttp, which is not installed.
        ConfigError: no such folder of photos.
        StageError: the demo was killed.
    """
    if not source.terminal and find_spec("aiohttp") is None:
        hint = "pip install 'edgetl[demo]'; or --terminal, which shows the demo without a browser"
        raise MissingPackage("the page of the demo needs aiohttp, which is not installed", hint=hint)
    if source.photos is not None and not source.photos.is_dir():
        raise ConfigError("--photos is no folder", where=(source.photos,), hint="give a folder of photos, or --camera")
    with TemporaryDirectory(prefix="edgetl-demo-") as folder:
        root = Path(folder)
        write_demo(classifier, root)
        # -B: bytecode beside the programs would be an unknown file of the bundle.
        command = [sys.executable, "-B", str(root / "demo.py"), *list_arguments(source)]
        return _wait(subprocess.Popen([*_IGNORE_INTERRUPT, *command]))


def write_demo(classifier: Classifier, root: Path) -> None:
    """Write a bundle with the demo into an empty folder.

    Raises:
        StageError: the model or its reference features changed since they were checked.
    """
    shipped = [target_search.locate_shipped_targets()]
    payload = {
        file.name: file.path
        for name in (_DEMO_TARGET, classifier.format)
        for file in targets.find_target(name, shipped).payload
    }
    model = f"model.{classifier.format}"
    files = {name: read_regular(path, LARGEST_RECORD_BYTES) for name, path in payload.items()}
    files |= {
        "pixels.py": read_regular(Path(pixels.__file__), LARGEST_RECORD_BYTES),
        "labels.txt": bundle_files.format_labels(classifier.classes).encode(),
        FACTS: bundle_files.format_json(describe_classifier(classifier)).encode(),
        model: read_regular(classifier.path, LARGEST_MODEL_BYTES),
    }
    expected = {model: classifier.sha256}
    if classifier.reference is not None:
        files[FEATURES_FILE] = read_regular(classifier.reference.path, LARGEST_RECORD_BYTES)
        expected[FEATURES_FILE] = classifier.reference.sha256
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if any(digests[name] != digest for name, digest in expected.items()):
        raise StageError("the model changed since it was checked", where=(classifier.path,))
    files[bundle_files.CHECKSUMS] = bundle_files.format_checksums(digests).encode("ascii")
    for name, content in files.items():
        (root / name).write_bytes(content)


def describe_classifier(classifier: Classifier) -> dict[str, Any]:
    """Return the facts of model.json that the demo reads, from what was checked."""
    method = METHODS.get(classifier.method)
    return {
        "schema": bundle_files.LABELS_SCHEMA if classifier.thresholds else bundle_files.SCHEMA,
        "model": f"model.{classifier.format}",
        "input": classifier.input.model_dump(mode="json"),
        **describe_facts(classifier),
        # Kernels for int16 activations are not accelerated anywhere.
        "runtime": {"accelerated": method is not None and method.activations != "int16"},
        "provenance": {"base": classifier.base or classifier.path.name, "method": classifier.method},
    }


def list_arguments(source: DemoSource) -> list[str]:
    """Return the command line of demo.py. It listens on this machine's own address only."""
    frames = ["--source", "auto"] if source.photos is None else ["--photos", str(source.photos.absolute())]
    terminal = ["--terminal"] if source.terminal else []
    return [*frames, *terminal, "--host", "127.0.0.1", "--port", f"{source.port}"]


def collect_test_photos(run: Path, folder: Path) -> None:
    """Link the test photos of a run into a folder, one folder per class.

    Raises:
        ConfigError: the run has read no photos yet.
        DataError: the photos are no longer where they were.
    """
    finished = read_finished_stage(run / "ingest", Dataset)
    if finished is None:
        hint = "give a folder with --photos DIR, or --camera"
        raise ConfigError("the run has no test photos to show", where=(run,), hint=hint)
    dataset = finished.record
    photos = [photo for photo in dataset.test if (dataset.root / photo.path).is_file()]
    if not photos:
        hint = "give another folder with --photos DIR, or --camera"
        raise DataError("the test photos of the run are no longer there", where=(dataset.root,), hint=hint)
    link_class_photos([(name_folder(photo, dataset.classes), dataset.root / photo.path) for photo in photos], folder)


def name_folder(photo: Photo, classes: Sequence[str]) -> str:
    """Return the class of a photo, or its labels, as the name of a folder: of a photo without any, "none"."""
    names = ", ".join(classes[index] for index in photo.list_classes()) or "none"
    # Labels of a list may contain what no name of a folder may, and file systems limit its length.
    return names.replace("/", "_")[:80] if photo.labels else names


def link_class_photos(photos: Iterable[tuple[str, Path]], folder: Path) -> None:
    """Link photos as folder/<class>/<name>; of several with one name, the later ones get a number before it."""
    for label, path in photos:
        (folder / label).mkdir(exist_ok=True)
        names = (path.name if number == 0 else f"{number}-{path.name}" for number in range(10**6))
        place = next(folder / label / name for name in names if not (folder / label / name).is_symlink())
        place.symlink_to(path)


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Wait until the demo ends by itself or by ^C, and return its exit code."""
    # A signal is no exception here: edgetl sets a flag, and calls this function.
    with call_when_interrupted(lambda: _end(child)):
        code = child.wait()
    if code < 0 and not is_interrupted():
        raise StageError(f"the demo was ended by signal {-code}")
    return max(code, 0)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Let the demo end by ^C, which has reached it too; one that is still starting, or was not reached, is ended."""
    for end in (child.terminate, child.kill):
        try:
            child.wait(_END_S)
            return
        except subprocess.TimeoutExpired:
            end()
