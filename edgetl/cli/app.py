"""The command-line program: its entry point, and the one place where errors are caught and become exit codes.

stdout is for the result: a path or a table, or JSON with --json. All else is printed to stderr.
"""

from typing import Annotated, Any

import typer

from edgetl.cli.aliases import resolve_aliases
from edgetl.core.console import Console
from edgetl.core.errors import EdgetlError
from edgetl.core.interrupt import Interrupted, check_interrupt
from edgetl.core.machine import check_system
from edgetl.core.screen.streams import explain_lost_output
from edgetl.core.storage.disk_errors import explain_disk_error

app = typer.Typer(
    name="edgetl",
    help="A folder of photos in, a verified model for a small device out.",
    no_args_is_help=True,
    # rich would print the traceback of a defect, with the values of local variables.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(requested: bool) -> None:
    if requested:
        from edgetl.core.run.fingerprint import installed_version

        print(installed_version("edgetl"))
        raise typer.Exit


# A callback is the place where Typer declares options that belong to no command.
@app.callback()
def _add_global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


def run_command_line(arguments: list[str]) -> int:  # noqa: PLR0911  (one return for each kind of ending)
    """Run one command line and return its exit code.

    0 done, 1 contract broken, 2 wrong input, 3 a stage failed or a defect of edgetl, 130 ended by ^C, 143 by SIGTERM.
    """
    try:
        # ^C during the imports.
        check_interrupt()
        check_system()
        arguments = _translate(arguments)
        # Not standalone: Typer would end the process and choose the exit code itself.
        code = app(arguments, prog_name="edgetl", standalone_mode=False)
        if code == 130:  # Typer has caught KeyboardInterrupt and returns this, also for SIGTERM.
            check_interrupt()
            raise Interrupted
        return code if isinstance(code, int) else 0
    except EdgetlError as error:
        return _show_error(error)
    except (KeyboardInterrupt, typer.Abort) as error:
        ending = error if isinstance(error, Interrupted) else Interrupted()
        Console().say(f"{ending}: the same command continues after the last finished stage")
        return ending.exit_code
    except SystemExit as error:
        # Typer exits like this when the program that reads our output has ended, as in `edgetl bases | head -1`.
        return 0 if isinstance(error.__context__, BrokenPipeError) else _show_defect(error)
    except OSError as error:
        return _show_error(explain_disk_error(error))
    except typer.Exit as error:
        return int(error.exit_code)
    except typer.TyperException as error:
        # Without any argument the help has been printed, and there is no message.
        if error.format_message():
            Console().error(error.format_message(), hint="edgetl --help, or edgetl VERB --help")
        return 2
    except Exception as error:  # noqa: BLE001  (the boundary: no traceback is shown to the user)
        return _show_defect(error)


def report_lost_output() -> None:
    """Report results that could not be written to stdout, as on a full disk. The exit code stays what it is."""
    reason = explain_lost_output()
    if reason:
        Console().error(f"the result could not be printed: {reason}", ["stdout"])


def _translate(arguments: list[str]) -> list[str]:
    """Return the command line in the names of edgetl, and print a sentence for each name that was replaced."""
    if not arguments:
        return arguments
    commands: dict[str, Any] = getattr(typer.main.get_command(app), "commands", {})
    flags = {
        verb: {flag for parameter in command.params for flag in parameter.opts} for verb, command in commands.items()
    }
    line = resolve_aliases(arguments, flags)
    for sentence in line.sentences:
        Console().say(sentence)
    return line.arguments


def _show_error(error: EdgetlError) -> int:
    Console().error(error.message, error.where, error.hint)
    return error.exit_code


def _show_defect(error: BaseException) -> int:
    from edgetl.pipeline.workspace import make_internal_error

    return _show_error(make_internal_error(error))
