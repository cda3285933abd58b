"""bench.py as a user runs it, on an interpreter that holds what a device holds."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

QUICK = ("--runs", "20", "--seconds", "0", "--soak", "0")


@pytest.fixture
def folder(built, tmp_path) -> Path:
    return shutil.copytree(built["int8"], tmp_path / "bundle")


@pytest.fixture
def fake(tmp_path) -> tuple[str, ...]:
    """Options for a Raspberry Pi made of files, whose vcgencmd says what stands in `bits`."""
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


def read(folder: Path) -> dict:
    return json.loads((folder / "measure" / "measure.json").read_text(encoding="utf-8"))


def spoilt_by_load(measure: dict) -> list[str]:
    """The reasons but for the load of others, which tests cannot keep away."""
    return [reason for reason in measure["reasons"] if not reason.startswith("other programs")]


def test_everything_is_measured(device, folder, fake):
    done = device.run(folder, "bench.py", "--runs", "20", "--seconds", "0", "--soak", "1.2", *fake)
    assert done.returncode in (0, 1), done.stderr
    measure = read(folder)
    assert spoilt_by_load(measure) == [] and measure["valid"] is (done.returncode == 0)
    assert [row["threads"] for row in measure["sweep"]] == list(range(1, len(os.sched_getaffinity(0)) + 1))
    assert all(row["steady"]["runs"] == 20 and row["load_ms"] > 0 and row["first_ms"] > 0 for row in measure["sweep"])
    assert list(measure["photo"]) == ["decode", "preprocess", "invoke", "postprocess", "total"]
    assert measure["accelerated"] is True and measure["golden_photos"] == 6
    assert measure["board"]["name"] == "Raspberry Pi 4 Model B Rev 1.4" and measure["board"]["governor"] == "ondemand"
    assert set(measure["versions"]) == {"python", "numpy", "pillow", "ai-edge-litert"}
    assert measure["memory"]["peak_bytes"] >= measure["memory"]["mean_bytes"] > 10_000_000
    assert measure["soak"]["seconds"] >= 1.2 and measure["soak"]["invokes"] > 20
    assert len(measure["watch"]["temperature_c"]) >= 3 and measure["watch"]["temperature_c"][0] == 58.42
    assert measure["throttled"] == {"now": [], "since_boot": []} and measure["unwatched"] == {}
    assert measure["accuracy"] is None
    assert (folder / "measure" / "measure.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "p50" in done.stdout and "█" in done.stdout and done.stdout.rstrip().endswith("measure.json")
    # What it wrote does not make the bundle look changed.
    assert device.run(folder, "selfcheck.py").returncode == 0


def test_a_throttled_run_is_invalid_and_shown(device, folder, fake, tmp_path):
    (tmp_path / "bits").write_text("throttled=0x50005")
    done = device.run(folder, "bench.py", *QUICK, "--threads", "1", *fake)
    assert done.returncode == 1
    measure = read(folder)
    assert measure["valid"] is False
    assert spoilt_by_load(measure) == ["throttled during the run", "under-voltage during the run"]
    assert measure["sweep"][0]["steady"]["p50"]["ms"] > 0
    assert "INVALID: throttled during the run; under-voltage during the run" in done.stdout
    assert "INVALID" in (folder / "measure" / "measure.svg").read_text(encoding="utf-8")


def test_a_sagging_clock_is_invalid(device, folder, fake, tmp_path):
    (tmp_path / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq").write_text("600000\n")
    done = device.run(folder, "bench.py", *QUICK, "--threads", "1", "--json", *fake)
    assert done.returncode == 1
    assert spoilt_by_load(json.loads(done.stdout)) == ["the processor's clock was down to 0.60 of 1.80 GHz"]


def test_a_raspberry_that_hides_its_throttling_is_invalid(device, folder, fake):
    done = device.run(folder, "bench.py", *QUICK, "--threads", "1", "--json", *fake[:2], "--vcgencmd", "no-vcgencmd")
    assert done.returncode == 1
    measure = json.loads(done.stdout)
    assert spoilt_by_load(measure) == ["whether the board throttled is not known"]
    why = "No such file or directory: no-vcgencmd"
    assert measure["unwatched"] == {"clock": why, "throttling": why}


def test_without_xnnpack_it_is_invalid(device, folder, fake):
    runtime = folder / "runtime.py"
    runtime.write_text(runtime.read_text(encoding="utf-8").replace('== "DELEGATE"', '== "NONE"'), encoding="utf-8")
    done = device.run(folder, "bench.py", *QUICK, "--threads", "1", "--json", *fake)
    assert done.returncode == 1
    measure = json.loads(done.stdout)
    assert measure["accelerated"] is False and spoilt_by_load(measure)[0].startswith("XNNPACK does not run")


def test_accuracy_on_labelled_photos(device, folder, fake, tmp_path):
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    labels = facts["output"]["labels"]
    told = device.run(folder, "classify.py", "--json", *[str(folder / name) for name in facts["golden"]])
    named = [json.loads(line)["labels"][0]["label"] for line in told.stdout.splitlines()]
    for name, label in zip(facts["golden"], named, strict=True):
        (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, tmp_path / "photos" / label / Path(name).name)
    done = device.run(
        folder, "bench.py", *QUICK, "--threads", "1", "--photos", str(tmp_path / "photos"), "--json", *fake
    )
    assert done.returncode in (0, 1), done.stderr
    accuracy = json.loads(done.stdout)["accuracy"]
    assert (accuracy["photos"], accuracy["right"], accuracy["accuracy"]["value"]) == (6, 6, 1.0)
    assert all(len(answer["probabilities"]) == len(labels) for answer in accuracy["answers"])


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--photos", "/no/such/folder"), "no such folder"),
        (("--threads", "0"), "a whole number from 1 on"),
        (("--soak", "-1"), "seconds, from 0 to a million"),
        (("--soak", "nan"), "seconds, from 0 to a million"),
        (("--soak", "2e6"), "seconds, from 0 to a million"),
        (("--out", "/dev/null/x"), "no measure.json was written: Not a directory"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(device, folder, flags, says):
    done = device.run(folder, "bench.py", *flags)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "measure" / "measure.json").exists()


def test_interrupted_it_writes_nothing(device, folder):
    command = [str(device.python), str(folder / "bench.py"), "--soak", "100", "--threads", "1", *QUICK[:4]]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as child:
        assert child.stderr is not None
        assert any("invoke for 100 s" in line for line in child.stderr)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        rest = child.stderr.read()
    assert child.returncode == 130 and rest == "interrupted: no measure.json was written\n"
    assert list((folder / "measure").iterdir()) == []


def test_an_old_measure_stays_until_the_new_one_is_whole(device, folder, fake):
    (folder / "measure").mkdir()
    old = folder / "measure" / "measure.json"
    old.write_text("old")
    done = device.run(folder, "bench.py", *QUICK, "--photos", str(folder / "golden"))
    assert done.returncode == 2 and "named after a label" in done.stderr
    assert old.read_text() == "old"


def test_missing_runtime_is_one_line(device, folder):
    (folder / "runtime.py").write_text("import a_runtime_that_is_not_there\n", encoding="utf-8")
    done = device.run(folder, "bench.py")
    assert done.returncode == 2 and done.stderr.startswith("a_runtime_that_is_not_there is not installed")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "runtime.py",
            "raise_ = 1\n\n\nclass Model:\n    def __init__(self, *_, **__):\n        1 / 0\n",
            "ZeroDivision",
        ),
        ("model.json", "no json", "JSONDecodeError"),
    ],
)
def test_whatever_goes_wrong_nothing_was_measured(device, folder, name, content, says):
    """Python's own exit code for an error is 1, which here says INVALID."""
    if name == "runtime.py":
        content = (folder / name).read_text(encoding="utf-8") + "\n\n" + content
    (folder / name).write_text(content, encoding="utf-8")
    done = device.run(folder, "bench.py", *QUICK)
    assert done.returncode == 2 and not (folder / "measure" / "measure.json").exists()
    assert done.stderr.splitlines()[-1].startswith(f"no measure.json was written: {says}")
