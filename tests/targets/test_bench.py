"""bench.py as a user runs it, with a Python that has the packages of a device and no others."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from edgetl.core.device import measurement

QUICK = ("--runs", "20", "--seconds", "0", "--soak", "0")


@pytest.fixture
def folder(bundles, tmp_path) -> Path:
    return shutil.copytree(bundles["int8"], tmp_path / "bundle")


@pytest.fixture
def raspberry_pi(tmp_path) -> tuple[str, ...]:
    """Options for a Raspberry Pi made of files. Its vcgencmd prints the content of the file `bits`."""
    files = {
        "firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "class/thermal/thermal_zone0/temp": "58420\n",
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000\n",
        "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1800000\n",
        "devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    }
    for name, text in files.items():
        path = tmp_path / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "bits").write_text("throttled=0x0")
    program = tmp_path / "vcgencmd"
    clock = '[ "$1" = measure_clock ] && exec echo "frequency(48)=1800404352"'
    program.write_text(f"#!/bin/sh\n{clock}\ncat '{tmp_path / 'bits'}'\n")
    program.chmod(0o755)
    return ("--sysfs", str(tmp_path / "sys"), "--vcgencmd", str(program))


def read_measurement(folder: Path) -> dict:
    return json.loads((folder / "measure" / "measure.json").read_text(encoding="utf-8"))


def list_reasons(measurement: dict) -> list[str]:
    """The reasons except the load by other programs, which a test cannot control."""
    return [reason for reason in measurement["reasons"] if not reason.startswith("other programs")]


def test_measure_json_contains_every_measurement(device, folder, raspberry_pi):
    completed = device.run(folder, "bench.py", "--runs", "20", "--seconds", "0", "--soak", "1.2", *raspberry_pi)
    assert completed.returncode in (0, 1), completed.stderr
    # Progress messages only, and no notices of the runtime.
    assert all(line.startswith("• ") for line in completed.stderr.splitlines()), completed.stderr
    measurement = read_measurement(folder)
    assert list_reasons(measurement) == [] and measurement["valid"] is (completed.returncode == 0)
    threads = [row["threads"] for row in measurement["sweep"]]
    assert threads == list(range(1, len(os.sched_getaffinity(0)) + 1))
    for row in measurement["sweep"]:
        assert row["steady"]["runs"] == 20 and row["load_ms"] > 0 and row["first_ms"] > 0
    assert list(measurement["photo"]) == ["decode", "preprocess", "invoke", "postprocess", "total"]
    assert measurement["accelerated"] is True and measurement["golden_photos"] == 6
    assert measurement["board"]["name"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert measurement["board"]["governor"] == "ondemand"
    assert set(measurement["versions"]) == {"python", "numpy", "pillow", "ai-edge-litert"}
    assert measurement["memory"]["peak_bytes"] >= measurement["memory"]["mean_bytes"] > 10_000_000
    assert measurement["soak"]["seconds"] >= 1.2 and measurement["soak"]["invokes"] > 20
    temperatures = measurement["watch"]["temperature_c"]
    assert len(temperatures) >= 3 and temperatures[0] == 58.42
    assert measurement["throttled"] == {"now": [], "since_boot": []} and measurement["unwatched"] == {}
    assert measurement["accuracy"] is None
    assert (folder / "measure" / "measure.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "p50" in completed.stdout and "█" in completed.stdout and completed.stdout.rstrip().endswith("measure.json")
    # The results beside the bundle do not count as a change of the bundle.
    assert device.run(folder, "selfcheck.py").returncode == 0


def test_throttled_run_is_invalid_and_still_shown(device, folder, raspberry_pi, tmp_path):
    (tmp_path / "bits").write_text("throttled=0x50005")
    completed = device.run(folder, "bench.py", *QUICK, "--threads", "1", *raspberry_pi)
    assert completed.returncode == 1
    measurement = read_measurement(folder)
    assert measurement["valid"] is False
    assert list_reasons(measurement) == ["throttled during the run", "under-voltage during the run"]
    assert measurement["sweep"][0]["steady"]["p50"]["ms"] > 0
    assert "INVALID: throttled during the run; under-voltage during the run" in completed.stdout
    assert "INVALID" in (folder / "measure" / "measure.svg").read_text(encoding="utf-8")


def test_lowered_clock_is_invalid(device, folder, raspberry_pi, tmp_path):
    (tmp_path / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").write_text("600000\n")
    completed = device.run(folder, "bench.py", *QUICK, "--threads", "1", "--json", *raspberry_pi)
    assert completed.returncode == 1
    assert list_reasons(json.loads(completed.stdout)) == ["the processor clock dropped to 0.60 GHz of 1.80 GHz"]


def test_raspberry_pi_without_vcgencmd_is_invalid(device, folder, raspberry_pi):
    sysfs = raspberry_pi[:2]
    completed = device.run(folder, "bench.py", *QUICK, "--threads", "1", "--json", *sysfs, "--vcgencmd", "no-vcgencmd")
    assert completed.returncode == 1
    measurement = json.loads(completed.stdout)
    assert list_reasons(measurement) == ["the throttling state of the board is unknown"]
    reason = "No such file or directory: no-vcgencmd"
    assert measurement["unwatched"] == {"clock": reason, "throttling": reason}


def test_run_without_xnnpack_is_invalid(device, folder, raspberry_pi, write_checksums):
    runtime = folder / "runtime.py"
    runtime.write_text(runtime.read_text(encoding="utf-8").replace('== "DELEGATE"', '== "NONE"'), encoding="utf-8")
    write_checksums(folder)
    completed = device.run(folder, "bench.py", *QUICK, "--threads", "1", "--json", *raspberry_pi)
    assert completed.returncode == 1
    measurement = json.loads(completed.stdout)
    assert measurement["accelerated"] is False
    assert list_reasons(measurement)[0].startswith("XNNPACK does not run")


def test_accuracy_on_photos_in_folders_named_after_labels(device, folder, raspberry_pi, tmp_path):
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    labels = facts["output"]["labels"]
    classified = device.run(folder, "classify.py", "--json", *[str(folder / name) for name in facts["golden"]])
    predicted = [json.loads(line)["labels"][0]["label"] for line in classified.stdout.splitlines()]
    for name, label in zip(facts["golden"], predicted, strict=True):
        (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, tmp_path / "photos" / label / Path(name).name)
    photos = ("--photos", str(tmp_path / "photos"))
    completed = device.run(folder, "bench.py", *QUICK, "--threads", "1", *photos, "--json", *raspberry_pi)
    assert completed.returncode in (0, 1), completed.stderr
    accuracy = json.loads(completed.stdout)["accuracy"]
    assert (accuracy["photos"], accuracy["right"], accuracy["accuracy"]["value"]) == (6, 6, 1.0)
    assert all(len(answer["probabilities"]) == len(labels) for answer in accuracy["answers"])


def test_answers_to_labelled_photos_are_counted(device, answer_bundles, raspberry_pi, tmp_path):
    """One red photo, one that is red and green in equal parts, and a grey one: edgetl reads the same counts."""
    folder = Path(shutil.copytree(answer_bundles["colours8"], tmp_path / "bundle"))
    (tmp_path / "photos" / "red").mkdir(parents=True)
    for name, colour in (("a", (250, 10, 10)), ("b", (200, 200, 0)), ("c", (128, 128, 128))):
        Image.new("RGB", (40, 40), colour).save(tmp_path / "photos" / "red" / f"{name}.png")
    photos = ("--photos", str(tmp_path / "photos"))
    completed = device.run(folder, "bench.py", *QUICK, "--threads", "1", *photos, *raspberry_pi)
    assert completed.returncode in (0, 1), completed.stderr
    line = "answers: 1 a label (1 right, 1.0000), 1 unsure, 1 none of these"
    assert line in completed.stdout.splitlines()
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    path = folder / "measure" / "measure.json"
    accuracy = measurement.read_measurement(path, facts["provenance"]["artifact_sha256"]).accuracy
    assert [(answer.known, answer.accepted) for answer in accuracy.answers] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert accuracy.decisions.unsure == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--photos", "/no/such/folder"), "no such folder"),
        (("--threads", "0"), "'0' is not a whole number of at least 1"),
        (("--soak", "-1"), "'-1' is not a number of seconds from 0 to 1000000"),
        (("--soak", "nan"), "'nan' is not a number of seconds from 0 to 1000000"),
        (("--soak", "2e6"), "'2e6' is not a number of seconds from 0 to 1000000"),
        (("--out", "/dev/null/x"), "no measure.json was written: Not a directory"),
    ],
)
def test_wrong_option_is_refused_before_anything_is_measured(device, folder, flags, message):
    completed = device.run(folder, "bench.py", *flags)
    assert completed.returncode == 2 and message in completed.stderr and "Traceback" not in completed.stderr
    assert not (folder / "measure" / "measure.json").exists()


def test_interrupted_run_writes_nothing(device, folder):
    command = [str(device.python), str(folder / "bench.py"), "--soak", "100", "--threads", "1", *QUICK[:4]]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as child:
        assert child.stderr is not None
        # The soak is announced immediately before it starts, and then lasts 100 s.
        assert any("invoke for 100 s" in line for line in child.stderr)
        child.send_signal(signal.SIGINT)
        remaining = child.stderr.read()
    assert child.returncode == 130 and remaining == "interrupted: no measure.json was written\n"
    assert list((folder / "measure").iterdir()) == []


def test_older_measurement_remains_if_the_new_one_fails(device, folder):
    (folder / "measure").mkdir()
    older = folder / "measure" / "measure.json"
    older.write_text("older")
    completed = device.run(folder, "bench.py", *QUICK, "--photos", str(folder / "golden"))
    assert completed.returncode == 2 and "named after a label" in completed.stderr
    assert older.read_text() == "older"


def test_missing_runtime_is_reported_in_one_line(device, folder, write_checksums):
    (folder / "runtime.py").write_text("import a_runtime_that_is_not_there\n", encoding="utf-8")
    write_checksums(folder)
    completed = device.run(folder, "bench.py")
    assert completed.returncode == 2 and completed.stderr.startswith("a_runtime_that_is_not_there is not installed")


FAILING_MODEL = "\n\n\nclass Model:\n    def __init__(self, *_, **__):\n        1 / 0\n"


@pytest.mark.parametrize(
    ("name", "change", "error"),
    [
        ("runtime.py", lambda text: text + FAILING_MODEL, "ZeroDivisionError"),
        ("model.json", lambda _: "no json", "JSONDecodeError"),
    ],
)
def test_unexpected_error_has_exit_code_2(device, folder, name, change, error, write_checksums):
    """Python's own exit code for an exception is 1, which means INVALID here."""
    path = folder / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    write_checksums(folder)
    completed = device.run(folder, "bench.py", *QUICK)
    assert completed.returncode == 2 and not (folder / "measure" / "measure.json").exists()
    assert completed.stderr.splitlines()[-1].startswith(f"no measure.json was written: {error}")
