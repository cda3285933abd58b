"""python -m edgetl is edgetl."""

import json
import subprocess
import sys

import edgetl.__main__
from edgetl import cli


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "edgetl", *arguments], capture_output=True, text=True, check=False)


def test_importing_it_runs_nothing():
    assert edgetl.__main__.main is cli.main


def test_a_command():
    done = run("methods", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "int8" in [method["name"] for method in json.loads(done.stdout)]


def test_a_misspelt_command_ends_with_2():
    done = run("biuld")
    assert done.returncode == 2 and done.stdout == ""
    assert "biuld" in done.stderr and "Traceback" not in done.stderr


def test_an_error_of_ours_ends_with_its_code():
    done = run("recipe", "--recipe", "clasic")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == "error: unknown recipe 'clasic'\n  hint: did you mean classic?\n"
