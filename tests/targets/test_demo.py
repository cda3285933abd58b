"""demo.py as a user runs it: from a bundle, on an interpreter that holds what the board holds."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (80, 60), (250, 10, 10)).save(folder / "a.png")
    return folder


@contextmanager
def started(device, bundle, *arguments, **variables):
    """The demo as a running program, its output piped; killed where a test left it running."""
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error", **variables}
    command = [str(device.python), str(bundle / "demo.py"), *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/", env=environment
    ) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def opened(child) -> str:
    """The address it prints first."""
    line = child.stdout.readline()
    assert line.startswith("open http://"), line + child.stderr.read()
    return line.split()[1]


def test_the_bundle_is_whole_with_the_demo_in_it(demo_bundle, demo_device):
    done = demo_device.run(demo_bundle, "selfcheck.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demo.py" in (demo_bundle / "SHA256SUMS").read_text(encoding="ascii")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_and_ends_when_told(demo_bundle, demo_device, photos, number):
    with started(demo_device, demo_bundle, "--source", photos, "--port", "0") as child:
        address = opened(child)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert "ssh -L" in child.stdout.readline()
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert b"/demo_page.js" in answer.read()
        child.send_signal(number)
        assert child.wait(10) == 0
        assert "Traceback" not in child.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_a_terminal_it_needs_no_aiohttp_and_ends_when_told(demo_bundle, device, photos, number):
    with started(device, demo_bundle, "--source", photos, "--terminal") as child:
        for _ in range(20):
            line = child.stdout.readline()
            if line.startswith("red 9"):
                break
        assert re.match(r"red 9\d\.\d% · \d+\.\d frames/s, \d+ dropped · capture .* ms · .* · photos$", line), line
        child.send_signal(number)
        assert child.wait(10) == 0
        assert "Traceback" not in child.stderr.read()


def test_without_aiohttp_it_says_what_to_install(demo_bundle, device, photos):
    done = device.run(demo_bundle, "demo.py", "--source", str(photos))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"aiohttp is not installed for {device.python}: sh setup.sh --demo, or ")
    assert "--terminal" in done.stderr


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("picamera2", "sudo apt install python3-picamera2"),
        ("/dev/video0", "pip install"),
        ("/nowhere", "nor a folder or file"),
    ],
)
def test_a_source_that_cannot_be(demo_bundle, demo_device, source, says):
    done = demo_device.run(demo_bundle, "demo.py", "--source", source)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--port", "65536"], ["--viewers", "0"], ["--size", "640"], ["--size", "640x-480"], ["--rate", "x"]]
)
def test_wrong_arguments(demo_bundle, demo_device, arguments):
    done = demo_device.run(demo_bundle, "demo.py", *arguments)
    assert done.returncode == 2 and "usage: demo.py" in done.stderr and "Traceback" not in done.stderr


def test_a_taken_port(demo_bundle, demo_device, photos):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = demo_device.run(demo_bundle, "demo.py", "--source", str(photos), "--port", port)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert f"127.0.0.1 port {port} cannot be listened on: " in done.stderr


def test_open_to_others_it_prints_a_token_and_asks_for_it(demo_bundle, demo_device, photos):
    with started(demo_device, demo_bundle, "--source", photos, "--port", "0", "--host", "0.0.0.0") as child:
        address = opened(child)
        found = re.fullmatch(r"http://[^/]+:(\d+)/\?token=([A-Za-z0-9_-]{32})", address)
        assert found, address
        own = f"http://127.0.0.1:{found[1]}/"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(own, timeout=10)
        keeps = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with keeps.open(f"{own}?token={found[2]}", timeout=10) as answer:
            assert answer.url == own and b"/demo_page.js" in answer.read()


def test_a_token_from_the_environment(demo_bundle, demo_device, photos):
    token = "a-token-of-the-house"
    with started(demo_device, demo_bundle, "--source", photos, "--port", "0", EDGETL_DEMO_TOKEN=token) as child:
        assert opened(child).endswith(f"/?token={token}")
    with started(demo_device, demo_bundle, "--source", photos, EDGETL_DEMO_TOKEN="short") as child:
        assert child.wait(30) == 2 and "16 or more" in child.stderr.read()


def test_a_model_that_breaks_ends_it_with_exit_code_1(demo_bundle, demo_device, photos, tmp_path):
    folder = Path(shutil.copytree(demo_bundle, tmp_path / "bundle"))
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    facts["output"]["labels"].append("one too many")
    (folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    with started(demo_device, folder, "--source", photos, "--port", "0") as child:
        assert child.wait(30) == 1 and "3 outputs and model.json 4 labels" in child.stderr.read()


def test_photos_without_a_camera_are_waited_for(demo_bundle, device, photos):
    """What is missing when it starts may come later: the camera is not plugged in yet, the folder is empty."""
    (photos / "a.png").rename(photos.with_name("a.png"))
    with started(device, demo_bundle, "--source", photos, "--terminal") as child:
        assert "NO PICTURE (photos): " in child.stdout.readline()
        photos.with_name("a.png").rename(photos / "a.png")
        end = time.monotonic() + 20
        while not child.stdout.readline().startswith("red 9"):
            assert time.monotonic() < end
