"""Makes Typer commands from functions that take one dataclass of options."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from edgetl.pipeline.options import Option, list_options

F = TypeVar("F", bound=Callable[[Any], None])


def add_command(app: typer.Typer, name: str) -> Callable[[F], F]:
    """Return a decorator that adds a function of one options dataclass as a command.

    Every field becomes a parameter of the command. The function's docstring is the command's help.

    Args:
        app: the program.
        name: name of the command.
    """

    def decorate(function: F) -> F:
        # The type of the only parameter. `get_type_hints` resolves it if annotations are strings.
        (group,) = [hint for parameter, hint in get_type_hints(function).items() if parameter != "return"]

        def run(**values: Any) -> None:
            function(group(**values))

        parameters = [_make_parameter(*row) for row in list_options(group)]
        run.__doc__ = function.__doc__
        # Typer reads the parameters of a command from its signature and its annotations.
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name)(run)
        return function

    return decorate


def _make_parameter(name: str, annotation: Any, option: Option, default: Any) -> inspect.Parameter:
    settings: dict[str, Any] = {"help": option.help}
    if option.panel:
        settings["rich_help_panel"] = option.panel
    if option.metavar:
        settings["metavar"] = option.metavar
    if option.minimum is not None:
        settings.update(min=option.minimum, max=option.maximum)
    if option.argument:
        info = typer.Argument(**settings)
    elif option.flags:
        info = typer.Option(*option.flags, **settings)
    elif annotation is bool:
        # Without an explicit name, Typer adds an opposite such as --no-strict.
        info = typer.Option(f"--{name.replace('_', '-')}", **settings)
    else:
        info = typer.Option(**settings)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[annotation, info],
        default=inspect.Parameter.empty if default is MISSING else default,
    )
