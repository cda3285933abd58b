"""python -m edgetl is the command line."""

import json
import subprocess
import sys

import edgetl.__main__
from edgetl import cli


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgetl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_importing_it_runs_nothing():
    assert edgetl.__main__.main is cli.main


def test_command_prints_its_result_and_exits_with_0():
    done = run("methods", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "int8" in [method["name"] for method in json.loads(done.stdout)]


def test_unknown_command_exits_with_2():
    done = run("biuld")
    assert done.returncode == 2 and done.stdout == ""
    assert "biuld" in done.stderr and "Traceback" not in done.stderr


def test_error_exits_with_its_code():
    done = run("recipe", "--recipe", "clasic")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "error: unknown recipe 'clasic'\n  hint: did you mean classic?\n"
