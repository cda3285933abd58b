"""A bundle on devices behind a replacement of ssh: what arrives, what stays there, and the message of each failure."""

import hashlib
import io
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edgetl.core.console import Console
from edgetl.core.device import bundle_files
from edgetl.core.device.benchmark import BenchmarkRequest
from edgetl.core.errors import ConfigError, EdgetlError, StageError
from edgetl.core.records import Bundle, Photo
from edgetl.engines.ssh import Device
from edgetl.stages.deploy import deploy_bundle

SHA256 = "m" * 64
CLOSING_LINE = (
    'cd "$here"; echo "This device computes what the build computed'
    ' ($(($(wc -l <SHA256SUMS) - 1)) files, bundle $(sha256sum <SHA256SUMS | cut -c 1-12))."'
)
SETUP = 'here=$(dirname "$0"); mkdir -p "$here/.venv/bin"; ln -sf "{python}" "$here/.venv/bin/python"\n' + CLOSING_LINE
# The part of bench.py that deployment depends on: it writes the prepared measurement, and what it was called with.
BENCH = """
import json, pathlib, sys, time
here, arguments, home = pathlib.Path(__file__).parent, sys.argv[1:], pathlib.Path.home()
options = dict(zip(arguments[::2], arguments[1::2]))
print("• invoke, 1 thread", file=sys.stderr, flush=True)
measurement = json.loads((here / "prepared.json").read_text())
(home / "options").write_text(json.dumps(options))
if (home / "slow").exists():
    time.sleep(60)
if "--photos" not in options:
    measurement["accuracy"] = None
else:
    root = pathlib.Path(options["--photos"])
    files = {str(path.relative_to(root)): path.read_text() for path in root.rglob("*.png")}
    (home / "photos").write_text(json.dumps(files))
out = pathlib.Path(options["--out"])
out.mkdir()
(out / "measure.json").write_text(json.dumps(measurement))
(out / "measure.svg").write_text("<svg/>")
sys.exit(here.joinpath("exit").exists())
"""


@pytest.fixture
def make_bundle(tmp_path, measure_json) -> Callable[..., Bundle]:
    """Return a function that makes a bundle with small programs; other files by name."""

    def make(measurement=measure_json, **others: str) -> Bundle:
        root = tmp_path / f"bundle-{len(list(tmp_path.glob('bundle-*')))}"
        files = {
            "model.json": json.dumps({"runtime": {"architectures": [platform.machine()]}}),
            "prepared.json": json.dumps(measurement),
            "setup.sh": SETUP.format(python=sys.executable),
            "bench.py": BENCH,
            "golden/0.jpg": "x" * 10_000,
            **others,
        }
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
        files[bundle_files.CHECKSUMS] = bundle_files.format_checksums(digests)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
        return Bundle.model_construct(root=root, target="tflite", files=digests, bytes=20_000)

    return make


@pytest.fixture
def bundle(make_bundle) -> Bundle:
    return make_bundle()


@pytest.fixture
def request_(tmp_path) -> BenchmarkRequest:
    """A request with two photos. The name of one class is a trap for a shell."""
    (tmp_path / "photos").mkdir()
    for name in ("a b.png", "c.png"):
        (tmp_path / "photos" / name).write_text(name)
    photos = tuple(Photo(path=name, label=label, sha256="") for label, name in enumerate(("a b.png", "c.png")))
    return BenchmarkRequest(
        model_sha256=SHA256, soak_s=2.5, classes=("circle", "$(touch x) 'y"), root=tmp_path / "photos", photos=photos
    )


@pytest.fixture
def deploy(bundle, request_, make_work):
    """Return a function that deploys to a device by its name: benchmark and lines of progress."""

    def run(name: str, bundle: Bundle = bundle, stop: threading.Event | None = None):
        stream = io.StringIO()
        device = Device(name=name, interactive=True, stop=stop or threading.Event())
        benchmark = deploy_bundle(make_work(Console(stream=stream)), device, bundle, request_)
        return benchmark, stream.getvalue().splitlines()

    return run


def get_error(deploy, name: str, **options) -> EdgetlError:
    with pytest.raises(EdgetlError) as caught:
        deploy(name, **options)
    return caught.value


def list_bundles(home: Path) -> list[str]:
    """List the content of edgetl's folder on a device: bundles, and nothing else."""
    return sorted(path.name for path in (home / ".cache" / "edgetl" / "bundles").iterdir())


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, for 20 seconds at most."""
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert condition()


def stop_when(path: Path) -> threading.Event:
    """Return an event that is set as soon as a file exists."""
    stop = threading.Event()

    def watch() -> None:
        wait_until(path.exists)
        stop.set()

    threading.Thread(target=watch).start()
    return stop


def test_bundle_is_copied_set_up_and_measured(fleet, deploy):
    home = fleet.add("pi@board")
    benchmark, lines = deploy("pi@board")
    assert benchmark.where == "pi@board" and benchmark.scores is not None and benchmark.scores.photos == 2
    assert (benchmark.path.parent / "measure.svg").read_text() == "<svg/>"
    options = json.loads((home / "options").read_text())
    assert options["--soak"] == "2.5" and options["--photos"].endswith(".photos.tmp")
    # Photos arrive in folders named after their classes, whatever these contain; links arrive as files.
    assert json.loads((home / "photos").read_text()) == {
        "circle/000000.png": "a b.png",
        "$(touch x) 'y/000001.png": "c.png",
    }
    assert not (home / "x").exists()
    (digest,) = list_bundles(home)
    golden = home / ".cache" / "edgetl" / "bundles" / digest / "golden" / "0.jpg"
    assert len(digest) == 32 and golden.stat().st_size == 10_000
    assert lines == ["check the device", "copy 0.0 MB", "set up", "copy 2 photos", "invoke, 1 thread"]


@pytest.mark.slow
def test_50_devices_are_measured_16_at_a_time(fleet, bundle, request_, make_work):
    """Each over a connection of its own; one in ten refuses it."""
    names = [f"board-{index}" for index in range(50)]
    for index, name in enumerate(names):
        if index % 10:
            fleet.add(name)

    def measure(name: str):
        device = Device(name=name, interactive=False, stop=threading.Event())
        try:
            return deploy_bundle(make_work(Console(stream=io.StringIO())), device, bundle, request_).where
        except ConfigError as error:
            return error.message

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(measure, names))
    for index, (name, result) in enumerate(zip(names, results, strict=True)):
        assert result == name if index % 10 else "Connection refused" in result


def test_bundle_on_the_device_is_not_copied_again(fleet, deploy):
    home = fleet.add("board")
    deploy("board")
    _, lines = deploy("board")
    assert "copy 0.0 MB" not in lines and len(list_bundles(home)) == 1


@pytest.mark.parametrize("name", ["golden/0.jpg", "SHA256SUMS", "setup.sh"])
def test_bundle_that_changed_on_the_device_is_copied_again(fleet, deploy, name):
    home = fleet.add("board")
    deploy("board")
    (digest,) = list_bundles(home)
    changed = home / ".cache" / "edgetl" / "bundles" / digest / name
    content = changed.read_bytes()
    # A script that was cut off does nothing and ends with exit code 0.
    changed.write_bytes(b"")
    _, lines = deploy("board")
    assert "copy 0.0 MB" in lines and changed.read_bytes() == content


def test_bundle_that_changed_here_is_refused(fleet, deploy, bundle):
    home = fleet.add("board")
    (bundle.root / "setup.sh").write_text("exit 0")
    error = get_error(deploy, "board")
    assert error.message == "the bundle changed since it was made" and not (home / ".cache").exists()


def test_configuration_of_the_users_ssh_is_not_overridden(fleet, deploy):
    fleet.add("board")
    deploy("board")
    assert len(fleet.log) == 6 and "-O exit" in fleet.log[-1]
    for line in fleet.log:
        assert "StrictHostKeyChecking" not in line and "UserKnownHostsFile" not in line and "BatchMode" not in line


def test_device_without_python3_is_refused(fleet, deploy):
    home = fleet.add("bare")
    (home / "no-path").touch()
    (home / "bin" / "sh").symlink_to("/bin/sh")
    error = get_error(deploy, "bare")
    assert isinstance(error, ConfigError) and error.message == "bare has no python3"
    assert "apt install python3" in error.hint


def test_device_with_another_processor_is_refused(fleet, deploy, make_bundle):
    home = fleet.add("board")
    facts = json.dumps({"runtime": {"architectures": ["riscv64"]}})
    error = get_error(deploy, "board", bundle=make_bundle(**{"model.json": facts}))
    assert isinstance(error, ConfigError)
    assert error.message == f"board is {platform.machine()}, and the bundle for tflite runs on riscv64"
    assert not (home / ".cache").exists()


def test_full_disk_is_an_error_and_leaves_nothing(fleet, deploy):
    home = fleet.add("full")
    fleet.program(home, "tar", "echo 'tar: golden: Cannot write: No space left on device' >&2; exit 2")
    error = get_error(deploy, "full")
    assert error.message.startswith("full: copying the bundle failed: ") and "No space left" in error.message
    assert list_bundles(home) == []
    (home / "bin" / "tar").unlink()
    benchmark, _ = deploy("full")
    assert benchmark.where == "full"


def test_bundles_that_were_not_used_for_a_month_are_removed(fleet, deploy):
    home = fleet.add("board")
    deploy("board")
    (used,) = list_bundles(home)
    # Where the device builds as well, this is its cache.
    pixels = home / ".cache" / "edgetl" / "pixels"
    pixels.mkdir()
    os.utime(pixels, (1, 1))
    folder = home / ".cache" / "edgetl" / "bundles"
    for name, age_days in (("f" * 64, 40), ("e" * 64, 20), (used, 40)):
        (folder / name).mkdir(exist_ok=True)
        os.utime(folder / name, (time.time() - age_days * 86400,) * 2)
    deploy("board")
    assert list_bundles(home) == sorted([used, "e" * 64]) and pixels.is_dir()


@pytest.mark.parametrize(("call", "doing"), [(2, "copying the bundle"), (4, "copying the photos"), (5, "measuring")])
def test_lost_connection_is_an_error_and_the_next_attempt_works(fleet, deploy, call, doing):
    home = fleet.add("board")
    (home / "drop-at").write_text(f"{call}")
    error = get_error(deploy, "board")
    assert isinstance(error, StageError) and error.hint == "run it again"
    assert error.message == f"board: the connection was lost while {doing}"
    # No unfinished file is left.
    assert len(list_bundles(home)) == (0 if call == 2 else 1)
    benchmark, _ = deploy("board")
    assert benchmark.where == "board"


def test_file_that_changes_on_its_way_is_refused(fleet, deploy):
    home = fleet.add("board")
    fleet.program(home, "tar", '/bin/tar "$@"; r=$?; for last; do :; done; echo more >>"$last/golden/0.jpg"; exit $r')
    error = get_error(deploy, "board")
    assert "copying the bundle failed" in error.message and "did NOT match" in error.message
    assert list_bundles(home) == []


@pytest.mark.parametrize(
    ("code", "message", "bundles"),
    [
        (0, "board does not compute what the build computed: the last line of its self-check is 'no wheel'", 0),
        (1, "board does not compute what the build computed: the last line of its self-check is 'no wheel'", 0),
        (2, "board cannot be set up: no wheel", 1),
        (3, "board: setting it up failed: no wheel", 1),
    ],
)
def test_failed_setup_is_an_error_by_its_exit_code(fleet, deploy, make_bundle, code, message, bundles):
    home = fleet.add("board")
    script = f"echo no wheel >&2; exit {code}"
    error = get_error(deploy, "board", bundle=make_bundle(**{"setup.sh": script}))
    assert error.message == message and len(list_bundles(home)) == bundles


def test_failed_self_check_names_what_failed(fleet, deploy, make_bundle):
    fleet.add("board")
    script = (
        "echo 'ok    files     every file'; echo 'FAIL  goldens   photo 3: class 1 instead of 2'; echo no >&2; exit 1"
    )
    error = get_error(deploy, "board", bundle=make_bundle(**{"setup.sh": script}))
    assert error.message.endswith("what the build computed: FAIL  goldens   photo 3: class 1 instead of 2")
    assert "removed from the device" in error.hint


def test_invalid_measurement_is_kept(fleet, deploy, make_bundle, measure_json):
    home = fleet.add("board")
    hot = {**measure_json, "valid": False, "reasons": ["throttled during the run"]}
    benchmark, _ = deploy("board", bundle=make_bundle(hot, exit=""))
    assert benchmark.where == "board" and len(list_bundles(home)) == 1


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            "import sys; print('no golden photo', file=sys.stderr); sys.exit(2)",
            "board: measuring failed: no golden photo",
        ),
        ("import os; os.kill(os.getpid(), 9)", "board: measuring failed: "),
        ("", "board: bench.py wrote no measurement: tar: "),
    ],
)
def test_failed_measurement_is_an_error(fleet, deploy, make_bundle, program, message):
    home = fleet.add("board")
    error = get_error(deploy, "board", bundle=make_bundle(**{"bench.py": program}))
    assert error.message.startswith(message) and len(list_bundles(home)) == 1


def test_measurement_of_another_model_is_refused(fleet, deploy, make_bundle, measure_json):
    fleet.add("board")
    error = get_error(deploy, "board", bundle=make_bundle({**measure_json, "model_sha256": "n" * 64}))
    assert "a different model" in error.message


# Interrupts


def test_interrupted_measurement_ends_on_the_device_and_leaves_no_files(fleet, deploy):
    home = fleet.add("board")
    (home / "slow").touch()
    error = get_error(deploy, "board", stop=stop_when(home / "options"))
    assert error.message == "board: interrupted while measuring"
    wait_until(lambda: len(list_bundles(home)) == 1)


def test_interrupted_setup_ends_on_the_device(fleet, deploy, make_bundle):
    home = fleet.add("board")
    # Like pip, its child does not end with the shell that started it.
    script = 'trap "rm -rf ~/half; exit 130" TERM; mkdir ~/half; sleep 60; touch ~/continued'
    bundle = make_bundle(**{"setup.sh": script})
    error = get_error(deploy, "board", bundle=bundle, stop=stop_when(home / "half"))
    assert error.message == "board: interrupted while setting it up"
    wait_until(lambda: not (home / "half").exists())
    assert not (home / "continued").exists()
