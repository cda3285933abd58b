"""deploy: a bundle on devices behind an ssh of ours: what arrives, what stays, and the sentence for each failure."""

import hashlib
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetl.core.device import bundle_files
from edgetl.core.device.benchmark import BenchmarkRequest
from edgetl.core.errors import ConfigError, EdgetlError, StageError
from edgetl.core.records import Benchmark, Bundle, Photo
from edgetl.stages.deploy import Device, deploy

SHA256 = "m" * 64
SET_UP = (
    'here=$(dirname "$0"); mkdir -p "$here/.venv/bin"; ln -sf "{python}" "$here/.venv/bin/python"; echo set up >>~/did'
)
# What bench.py does as far as deploy is concerned: a measure for the photos it is given.
BENCH = """
import json, pathlib, sys, time
here, given = pathlib.Path(__file__).parent, sys.argv[1:]
options = dict(zip(given[::2], given[1::2]))
print("• invoke, 1 thread", file=sys.stderr, flush=True)
measure = json.loads((here / "given.json").read_text())
(pathlib.Path.home() / "options").write_text(json.dumps(options))
if (pathlib.Path.home() / "slow").exists():
    time.sleep(60)
if "--photos" not in options:
    measure["accuracy"] = None
else:
    root = pathlib.Path(options["--photos"])
    found = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.png")}
    (pathlib.Path.home() / "photos").write_text(json.dumps(found))
out = pathlib.Path(options["--out"])
out.mkdir()
(out / "measure.json").write_text(json.dumps(measure))
(out / "measure.svg").write_text("<svg/>")
sys.exit(here.joinpath("exit").exists())
"""


@pytest.fixture
def bundle(tmp_path, measure_json) -> Bundle:
    return bundled(tmp_path / "bundle", measure_json)


def bundled(root: Path, measure: dict, **more: str) -> Bundle:
    """A bundle whose programs are small."""
    files = {
        "model.json": json.dumps({"runtime": {"architectures": [platform.machine()]}}),
        "given.json": json.dumps(measure),
        "setup.sh": SET_UP.format(python=sys.executable),
        "bench.py": BENCH,
        "golden/0.jpg": "x" * 10_000,
        **more,
    }
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    files[bundle_files.CHECKSUMS] = bundle_files.format_checksums(digests)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return Bundle.model_construct(root=root, target="tflite", files=dict.fromkeys(files, ""), bytes=20_000)


@pytest.fixture
def wanted(tmp_path) -> BenchmarkRequest:
    (tmp_path / "photos").mkdir()
    for name in ("a b.png", "c.png"):
        (tmp_path / "photos" / name).write_text(name)
    photos = tuple(Photo(path=name, label=label, sha256="") for label, name in enumerate(("a b.png", "c.png")))
    return BenchmarkRequest(
        model_sha256=SHA256, soak_s=2.5, classes=("circle", "$(touch x) 'y"), root=tmp_path / "photos", photos=photos
    )


@pytest.fixture
def measured(bundle, wanted, tmp_path) -> Callable[..., Benchmark]:
    def measure(name: str, stop=None, bundle: Bundle = bundle, alone: bool = True) -> Benchmark:
        folder = tmp_path / f"made {time.monotonic_ns()}"
        folder.mkdir()
        device = Device(name=name, interactive=alone, stop=stop or threading.Event())
        return deploy(device, bundle, wanted, folder, said=said.append)

    said: list[str] = []
    measure.said = said
    return measure


def failure(measured, name: str, **more) -> EdgetlError:
    with pytest.raises(EdgetlError) as caught:
        measured(name, **more)
    return caught.value


def left(home: Path) -> list[str]:
    """What lies in edgetl's folder on the device: bundles, and nothing else."""
    return sorted(path.name for path in (home / ".cache" / "edgetl" / "bundles").iterdir())


def test_it_is_copied_set_up_measured_and_brought_back(fleet, measured):
    home = fleet.add("pi@board")
    made = measured("pi@board")
    assert made.where == "pi@board" and made.scores is not None and made.scores.photos == 2
    assert (made.path.parent / "measure.svg").read_text() == "<svg/>"
    options = json.loads((home / "options").read_text())
    assert options["--soak"] == "2.5" and options["--photos"].endswith(".photos.tmp")
    # The photos arrive under their labels, whatever those are called, and links as what they point to.
    assert json.loads((home / "photos").read_text()) == {
        "circle/000000.png": "a b.png",
        "$(touch x) 'y/000001.png": "c.png",
    }
    assert not (home / "x").exists()
    (digest,) = left(home)
    assert (
        len(digest) == 32
        and (home / ".cache" / "edgetl" / "bundles" / digest / "golden" / "0.jpg").stat().st_size == 10_000
    )
    assert measured.said == ["look at the device", "copy 0.0 MB", "set up", "copy 2 photos", "invoke, 1 thread"]


def test_what_is_there_is_not_copied_again(fleet, measured):
    home = fleet.add("board")
    measured("board")
    measured.said.clear()
    measured("board")
    assert "copy 0.0 MB" not in measured.said and len(left(home)) == 1


def test_the_users_ssh_is_left_as_it_is(fleet, measured):
    fleet.add("board")
    measured("board")
    assert len(fleet.log) == 6 and "-O exit" in fleet.log[-1]
    for line in fleet.log:
        assert "StrictHostKeyChecking" not in line and "UserKnownHostsFile" not in line and "BatchMode" not in line


def test_no_python3(fleet, measured):
    home = fleet.add("bare")
    (home / "no-path").touch()
    (home / "bin" / "sh").symlink_to("/bin/sh")
    error = failure(measured, "bare")
    assert isinstance(error, ConfigError) and error.message == "bare has no python3"


def test_another_processor(fleet, measured, tmp_path, measure_json):
    home = fleet.add("board")
    facts = json.dumps({"runtime": {"architectures": ["riscv64"]}})
    error = failure(measured, "board", bundle=bundled(tmp_path / "other", measure_json, **{"model.json": facts}))
    assert isinstance(error, ConfigError)
    assert error.message == f"board is {platform.machine()}, and the bundle for tflite runs on riscv64"
    assert not (home / ".cache").exists()


def test_a_full_disk(fleet, measured):
    home = fleet.add("full")
    fleet.program(home, "tar", "echo 'tar: golden: Cannot write: No space left on device' >&2; exit 2")
    error = failure(measured, "full")
    assert error.message.startswith("full: copying the bundle failed: ") and "No space left" in error.message
    assert left(home) == []
    (home / "bin" / "tar").unlink()
    assert measured("full").where == "full"


def test_bundles_that_nothing_has_used_for_a_month_are_removed(fleet, measured):
    home = fleet.add("board")
    measured("board")
    (kept,) = left(home)
    # Where the device builds as well, this is its cache.
    pixels = home / ".cache" / "edgetl" / "pixels"
    pixels.mkdir()
    os.utime(pixels, (1, 1))
    folder = home / ".cache" / "edgetl" / "bundles"
    for name, age_days in (("f" * 64, 40), ("e" * 64, 20), (kept, 40)):
        (folder / name).mkdir(exist_ok=True)
        os.utime(folder / name, (time.time() - age_days * 86400,) * 2)
    measured("board")
    assert left(home) == sorted([kept, "e" * 64]) and pixels.is_dir()


@pytest.mark.parametrize(("call", "doing"), [(2, "copying the bundle"), (4, "copying the photos"), (5, "measuring")])
def test_a_connection_that_breaks_off(fleet, measured, call, doing):
    home = fleet.add("board")
    (home / "drop-at").write_text(f"{call}")
    error = failure(measured, "board")
    assert isinstance(error, StageError) and error.hint == "run it again"
    assert error.message == f"board: the connection broke off while {doing}"
    assert left(home) == ([] if call == 2 else [*left(home)[:1]])
    # The very same again works.
    assert measured("board").where == "board"


def test_a_file_that_arrives_changed_is_not_taken(fleet, measured):
    home = fleet.add("board")
    fleet.program(home, "tar", '/bin/tar "$@"; r=$?; for last; do :; done; echo more >>"$last/golden/0.jpg"; exit $r')
    error = failure(measured, "board")
    assert "copying the bundle failed" in error.message and "did NOT match" in error.message
    assert left(home) == []


@pytest.mark.parametrize(
    ("code", "says", "kept"),
    [
        (1, "board does not give what the build gave: no wheel", 0),
        (2, "board cannot be set up: no wheel", 1),
        (3, "board: setting it up failed: no wheel", 1),
    ],
)
def test_a_setup_that_fails(fleet, measured, tmp_path, measure_json, code, says, kept):
    home = fleet.add("board")
    script = f"echo no wheel >&2; exit {code}"
    error = failure(measured, "board", bundle=bundled(tmp_path / "other", measure_json, **{"setup.sh": script}))
    assert error.message == says and len(left(home)) == kept


def test_a_self_check_that_fails_says_what_failed(fleet, measured, tmp_path, measure_json):
    fleet.add("board")
    script = (
        "echo 'ok    files     every file'; echo 'FAIL  goldens   photo 3: class 1 instead of 2'; echo no >&2; exit 1"
    )
    error = failure(measured, "board", bundle=bundled(tmp_path / "other", measure_json, **{"setup.sh": script}))
    assert error.message.endswith("not give what the build gave: FAIL  goldens   photo 3: class 1 instead of 2")
    assert "removed there" in error.hint


def test_an_invalid_measure_is_a_measure(fleet, measured, tmp_path, measure_json):
    home = fleet.add("board")
    hot = {**measure_json, "valid": False, "reasons": ["throttled during the run"]}
    assert measured("board", bundle=bundled(tmp_path / "hot", hot, exit="")).where == "board"
    assert len(left(home)) == 1


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (
            "import sys; print('no golden photo', file=sys.stderr); sys.exit(2)",
            "board: measuring failed: no golden photo",
        ),
        ("import os; os.kill(os.getpid(), 9)", "board: measuring failed: "),
        ("", "board: bench.py left no measure: tar: "),
    ],
)
def test_a_bench_that_fails(fleet, measured, tmp_path, measure_json, program, says):
    home = fleet.add("board")
    other = bundled(tmp_path / "other", measure_json, **{"bench.py": program})
    assert failure(measured, "board", bundle=other).message.startswith(says)
    assert len(left(home)) == 1


def test_a_measure_of_another_model_is_refused(fleet, measured, tmp_path, measure_json):
    fleet.add("board")
    other = bundled(tmp_path / "other", {**measure_json, "model_sha256": "n" * 64})
    assert "a different model" in failure(measured, "board", bundle=other).message


def test_interrupted_nothing_goes_on(fleet, measured):
    home = fleet.add("board")
    (home / "slow").touch()
    stop = threading.Event()

    def interrupt() -> None:
        while not (home / "options").exists():
            time.sleep(0.02)
        stop.set()

    threading.Thread(target=interrupt).start()
    assert failure(measured, "board", stop=stop).message == "board: interrupted while measuring"
    # What runs there ends as well, and takes its files with it.
    deadline = time.monotonic() + 10
    while len(left(home)) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(left(home)) == 1


def test_a_setup_ends_with_its_connection(fleet, measured, tmp_path, measure_json):
    home = fleet.add("board")
    # As pip does, its child goes on until it is told itself.
    script = 'trap "rm -rf ~/half; exit 130" TERM; mkdir ~/half; sleep 60; touch ~/went-on'
    other = bundled(tmp_path / "other", measure_json, **{"setup.sh": script})
    stop = threading.Event()

    def interrupt() -> None:
        while not (home / "half").exists():
            time.sleep(0.02)
        stop.set()

    threading.Thread(target=interrupt).start()
    assert failure(measured, "board", bundle=other, stop=stop).message == "board: interrupted while setting it up"
    deadline = time.monotonic() + 10
    while (home / "half").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not (home / "half").exists() and not (home / "went-on").exists()
