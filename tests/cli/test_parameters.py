"""A dataclass of options becomes the parameters of a Typer command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer

from edgetl.cli.parameters import add_command
from edgetl.pipeline.options import Option


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """One option of each kind."""

    run: Annotated[Path, Option(help="The run folder.", argument=True)]
    level: Annotated[float | None, Option(help="A level.", metavar="L", minimum=0, maximum=10, panel="Numbers")] = None
    target: Annotated[list[str] | None, Option(help="May be repeated.")] = None
    no_augment: Annotated[bool, Option(help="A switch.")] = False
    as_json: Annotated[bool, Option(help="Another name.", flags=("--json", "-j"))] = False


@pytest.fixture
def program():
    """A program with two commands, and the options that they were called with."""
    app, calls = typer.Typer(pretty_exceptions_enable=False), []

    @add_command(app, "sample")
    def run_sample(options: SampleOptions) -> None:
        """Do something with options."""
        calls.append(options)

    @app.command()
    def second() -> None:
        """With a single command, Typer would need no name."""

    def run(*arguments):
        app(["sample", *arguments], standalone_mode=False)
        return calls[-1]

    run.function, run.app = run_sample, app
    return run


def test_values_become_the_options(program):
    assert program("here") == SampleOptions(run=Path("here"))
    arguments = ("--level", "2.5", "--target", "a", "--target", "b", "--no-augment", "-j")
    assert program("here", *arguments) == SampleOptions(
        run=Path("here"), level=2.5, target=["a", "b"], no_augment=True, as_json=True
    )


def test_argument_without_a_default_is_needed(program):
    with pytest.raises(typer.TyperException, match=r"(?i)missing .*run"):
        program()


@pytest.mark.parametrize("level", ["-1", "11", "high"])
def test_value_out_of_range_is_refused(program, level):
    with pytest.raises(typer.TyperException) as caught:
        program("here", "--level", level)
    assert "--level" in caught.value.format_message()


def test_switch_has_no_opposite(program):
    with pytest.raises(typer.TyperException, match=r"(?i)no such option"):
        program("here", "--augment")
    with pytest.raises(typer.TyperException, match=r"(?i)no such option"):
        program("here", "--no-no-augment")


def test_help_has_the_docstring_the_panel_and_the_flags(program, capsys):
    program.app(["sample", "--help"], standalone_mode=False)
    text = capsys.readouterr().out
    for part in ("Do something with options.", "Numbers", "The run folder.", "--json", "-j"):
        assert part in text


def test_decorated_function_stays_a_function_of_the_options(program):
    options = SampleOptions(run=Path("x"))
    program.function(options)
    assert program("y") == SampleOptions(run=Path("y"))
