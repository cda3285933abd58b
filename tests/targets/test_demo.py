"""demo.py as a user runs it: from a bundle, with a Python that has the packages of the board."""

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
def run_demo(device, bundle, *arguments, **variables):
    """Run the demo with its output in pipes; it is killed if a test leaves it running."""
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


def read_address(child) -> str:
    """Read the address that the demo prints first."""
    line = child.stdout.readline()
    assert line.startswith("open http://"), line + child.stderr.read()
    return line.split()[1]


def test_bundle_with_the_demo_passes_the_self_check(demo_bundle, demo_device):
    completed = demo_device.run(demo_bundle, "selfcheck.py")
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert "demo.py" in (demo_bundle / "SHA256SUMS").read_text(encoding="ascii")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_serves_the_page_until_it_gets_a_signal(demo_bundle, demo_device, photos, number):
    with run_demo(demo_device, demo_bundle, "--source", photos, "--port", "0") as child:
        address = read_address(child)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert "ssh -L" in child.stdout.readline()
        with urllib.request.urlopen(address, timeout=30) as response:
            assert b"/demo_page.js" in response.read()
        child.send_signal(number)
        assert child.wait(30) == 0
        assert "Traceback" not in child.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_in_a_terminal_needs_no_aiohttp_and_ends_with_a_signal(demo_bundle, device, photos, number):
    with run_demo(device, demo_bundle, "--source", photos, "--terminal") as child:
        for _ in range(20):
            line = child.stdout.readline()
            if line.startswith("red 9"):
                break
        assert re.match(
            r"red 9\d\.\d% · a\.png · \d+\.\d frames/s, \d+ dropped · capture .* ms · .* · photos$", line
        ), line
        child.send_signal(number)
        assert child.wait(30) == 0
        assert "Traceback" not in child.stderr.read()


def test_folder_with_classes_is_shown_with_names_and_true_classes(demo_bundle, device, photos):
    (photos / "blue").mkdir()
    (photos / "a.png").rename(photos / "blue" / "a.png")
    with run_demo(device, demo_bundle, "--photos", photos, "--terminal") as child:
        for _ in range(20):
            line = child.stdout.readline()
            if line.startswith("red 9"):
                break
        assert " · blue/a.png, true class blue: wrong · " in line
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0


def test_missing_aiohttp_is_reported_with_the_command_that_installs_it(demo_bundle, device, photos):
    completed = device.run(demo_bundle, "demo.py", "--source", str(photos))
    assert completed.returncode == 2 and completed.stderr.count("\n") == 1
    assert completed.stderr.startswith(f"aiohttp is not installed for {device.python}: sh setup.sh --demo, or ")
    assert "--terminal" in completed.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("picamera2", "sudo apt install python3-picamera2"),
        ("/dev/video0", "pip install"),
        ("/nowhere", "no such folder or file"),
    ],
)
def test_unusable_source_is_reported(demo_bundle, demo_device, source, message):
    completed = demo_device.run(demo_bundle, "demo.py", "--source", source)
    assert completed.returncode == 2 and message in completed.stderr and "Traceback" not in completed.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--photos", "/", "--source", "/"],
        ["--port", "65536"],
        ["--viewers", "0"],
        ["--size", "640"],
        ["--size", "640x-480"],
        ["--rate", "x"],
    ],
)
def test_wrong_option_is_refused(demo_bundle, demo_device, arguments):
    completed = demo_device.run(demo_bundle, "demo.py", *arguments)
    assert completed.returncode == 2 and "usage: demo.py" in completed.stderr and "Traceback" not in completed.stderr


def test_used_port_is_reported(demo_bundle, demo_device, photos):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = str(server.getsockname()[1])
        completed = demo_device.run(demo_bundle, "demo.py", "--source", str(photos), "--port", port)
    assert completed.returncode == 2 and "Traceback" not in completed.stderr
    assert f"cannot listen on 127.0.0.1 port {port}: " in completed.stderr


def test_demo_that_is_open_to_the_network_requires_its_token(demo_bundle, demo_device, photos):
    with run_demo(demo_device, demo_bundle, "--source", photos, "--port", "0", "--host", "0.0.0.0") as child:
        address = read_address(child)
        match = re.fullmatch(r"http://[^/]+:(\d+)/\?token=([A-Za-z0-9_-]{32})", address)
        assert match, address
        page = f"http://127.0.0.1:{match[1]}/"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(page, timeout=30)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(f"{page}?token={match[2]}", timeout=30) as response:
            assert response.url == page and b"/demo_page.js" in response.read()


def test_token_is_read_from_the_environment(demo_bundle, demo_device, photos):
    token = "a-token-of-the-house"
    with run_demo(demo_device, demo_bundle, "--source", photos, "--port", "0", EDGETL_DEMO_TOKEN=token) as child:
        assert read_address(child).endswith(f"/?token={token}")
    with run_demo(demo_device, demo_bundle, "--source", photos, EDGETL_DEMO_TOKEN="short") as child:
        assert child.wait(30) == 2 and "16 or more" in child.stderr.read()


def test_failed_prediction_ends_the_demo_with_exit_code_1(demo_bundle, demo_device, photos, write_checksums, tmp_path):
    folder = Path(shutil.copytree(demo_bundle, tmp_path / "bundle"))
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    facts["output"]["labels"].append("one too many")
    (folder / "model.json").write_text(json.dumps(facts), encoding="utf-8")
    write_checksums(folder)
    with run_demo(demo_device, folder, "--source", photos, "--port", "0") as child:
        assert child.wait(30) == 1 and "3 outputs and model.json 4 labels" in child.stderr.read()


def test_demo_waits_for_a_source_without_frames(demo_bundle, device, photos):
    """A source may become usable later: a camera that is connected, or a photo that is copied into the folder."""
    (photos / "a.png").rename(photos.with_name("a.png"))
    with run_demo(device, demo_bundle, "--source", photos, "--terminal") as child:
        assert "NO FRAME (photos): " in child.stdout.readline()
        photos.with_name("a.png").rename(photos / "a.png")
        deadline = time.monotonic() + 60
        while not child.stdout.readline().startswith("red 9"):
            assert time.monotonic() < deadline, "the photo was not shown"
