"""The command report: a page about a finished run, which is only read, and scored on corrupted photos on request."""

from edgetl.cli.app import app
from edgetl.cli.options import ReportCommand
from edgetl.cli.parameters import add_command
from edgetl.core.errors import ConfigError


@add_command(app, "report")
def _report(options: ReportCommand) -> None:
    """Write a page with all results of a finished run: which photos broke, which classes are confused, and why.

    Every build writes it, too. Nothing is trained or converted, and nothing scored without --robustness.
    """
    import webbrowser
    from dataclasses import asdict

    from edgetl.cli import output
    from edgetl.core.report.tables import format_bytes
    from edgetl.pipeline.pages.report import REPORT_FORMATS, open_report, write_markdown, write_report
    from edgetl.pipeline.pages.robustness import add_robustness

    if options.format_name not in REPORT_FORMATS:
        raise ConfigError(f"--format {options.format_name} does not exist", hint=f"it is {' or '.join(REPORT_FORMATS)}")
    with open_report(options.run, quiet=options.quiet) as context:
        measured = add_robustness(context) if options.robustness else {}
        report = write_report(context) if options.format_name == "html" else write_markdown(context)
        context.console.say(f"{format_bytes(report.bytes)}, written in {report.seconds:.1f} s")
    record = {**asdict(report), "path": str(report.path)}
    if options.robustness:
        record["robustness"] = {target: result.model_dump(mode="json") for target, result in measured.items()}
    output.print_record(record, str(report.path), as_json=options.as_json)
    if options.open_page and not webbrowser.open(report.path.as_uri()):
        raise ConfigError("--open found no browser on this machine", where=(report.path,), hint="open this file in one")
