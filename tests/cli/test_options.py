"""Every command has the options of its part of the pipeline, and those that print its result."""

from dataclasses import fields
from pathlib import Path

import pytest
import typer

from edgetl.cli import options
from edgetl.cli.commands import app
from edgetl.pipeline.options import BuildOptions, RecipeOptions, TrainOptions, list_options

GROUPS = {
    "build": options.BuildCommand,
    "train": options.TrainCommand,
    "convert": options.ConvertCommand,
    "verify": options.VerifyCommand,
    "bundle": options.BundleCommand,
    "bench": options.BenchCommand,
    "predict": options.PredictCommand,
    "demo": options.DemoCommand,
    "targets": options.TargetsCommand,
    "recipe": options.RecipeCommand,
}


def list_flags(command: str) -> set[str]:
    """Return the flags of a command, and the metavars of its arguments."""
    parameters = typer.main.get_command(app).commands[command].params
    return {flag for parameter in parameters for flag in parameter.opts} - {"--help", "-h"}


@pytest.mark.parametrize("command", GROUPS)
def test_every_field_is_a_parameter_of_the_command(command):
    expected = set()
    for name, _, option, _ in list_options(GROUPS[command]):
        expected |= set(option.flags) or {name if option.argument else f"--{name.replace('_', '-')}"}
    assert list_flags(command) == expected


@pytest.mark.parametrize(
    ("command", "pipeline_options"), [("build", BuildOptions), ("train", TrainOptions), ("recipe", RecipeOptions)]
)
def test_command_has_every_option_of_the_pipeline(command, pipeline_options):
    assert issubclass(GROUPS[command], pipeline_options)
    added = {field.name for field in fields(GROUPS[command])} - {field.name for field in fields(pipeline_options)}
    assert added <= {"photos_option", "explain", "out", "overwrite", "log", "as_json", "quiet"}


def test_options_of_a_run_are_the_same_for_all_commands():
    for command in ("convert", "verify", "bundle", "bench"):
        assert {"run", "--method", "--target", "--json", "--quiet", "-q"} <= list_flags(command)


def test_every_option_has_a_sentence_of_help():
    for group in GROUPS.values():
        for name, _, option, _ in list_options(group):
            assert option.help.endswith("."), f"{group.__name__}.{name}"


def test_defaults_need_only_the_run_folder():
    for group in (options.ConvertCommand, options.BundleCommand, options.BenchCommand):
        assert group(run=Path("run")).target == ""
    assert options.ConvertCommand(run=Path("run")).method == "int8"
    assert options.BundleCommand(run=Path("run")).method == "" and options.BenchCommand(run=Path("run")).soak is None
