"""The program has all its commands, each with help."""

import pytest
import typer

from edgetl import cli
from edgetl.cli.commands import app

COMMANDS = (
    "bases",
    "methods",
    "targets",
    "recipe",
    "doctor",
    "build",
    "train",
    "convert",
    "verify",
    "bundle",
    "bench",
    "inspect",
    "fetch",
    "report",
    "sweep",
    "predict",
    "demo",
)


def test_every_command_is_registered():
    assert tuple(typer.main.get_command(app).commands) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command, capsys):
    assert cli.run([command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert f"edgetl {command}" in out and err == ""
    assert typer.main.get_command(app).commands[command].help
