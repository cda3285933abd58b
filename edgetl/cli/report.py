"""The command report: a page about a finished run, or about several. It trains and converts nothing."""

import shlex
from pathlib import Path

from edgetl.cli.app import app
from edgetl.cli.options import ReportCommand
from edgetl.cli.parameters import add_command
from edgetl.core.errors import ConfigError


@add_command(app, "report")
def _report(options: ReportCommand) -> None:
    """Write a page with all results of a finished run: which photos broke, which classes are confused, and why.

    Every build writes it, too. Several runs are compared with the first one, photo by photo where they share test
    photos. Nothing is trained or converted, and nothing scored without --robustness.
    """
    import webbrowser

    from edgetl.pipeline.pages.report import REPORT_FORMATS
    from edgetl.pipeline.pages.tracking import check_tool

    if options.format_name not in REPORT_FORMATS:
        raise ConfigError(f"--format {options.format_name} does not exist", hint=f"it is {' or '.join(REPORT_FORMATS)}")
    check_tool(options.log)
    path = _compare_runs(options) if len(options.runs) > 1 else _report_run(options)
    if options.open_page and not webbrowser.open(path.as_uri()):
        raise ConfigError("--open found no browser on this machine", where=(path,), hint="open this file in one")


def _report_run(options: ReportCommand) -> Path:
    from dataclasses import asdict

    from edgetl.cli import output
    from edgetl.core.report.tables import format_bytes
    from edgetl.pipeline.pages.report import open_report, write_markdown, write_report
    from edgetl.pipeline.pages.robustness import add_robustness
    from edgetl.pipeline.pages.tracking import log_results

    if options.out is not None:
        raise ConfigError(
            "--out is for a comparison of several runs",
            hint="the report of one run is in its folder: leave out --out",
        )
    with open_report(options.runs[0], quiet=options.quiet) as context:
        measured = add_robustness(context) if options.robustness else {}
        report = write_report(context) if options.format_name == "html" else write_markdown(context)
        context.console.say(f"{format_bytes(report.bytes)}, written in {report.seconds:.1f} s")
        logged = log_results(context, options.log)
        output.show_logged(logged, context.console)
    record = {**asdict(report), "path": str(report.path), "logged": list(map(asdict, logged))}
    if options.robustness:
        record["robustness"] = {target: result.model_dump(mode="json") for target, result in measured.items()}
    output.print_record(record, str(report.path), as_json=options.as_json)
    return report.path


def _compare_runs(options: ReportCommand) -> Path:
    from dataclasses import asdict

    from edgetl.cli import output
    from edgetl.core.comparison.comparison_screen import describe_pairs, describe_runs, tabulate_comparison
    from edgetl.core.console import Console
    from edgetl.core.report.tables import format_bytes
    from edgetl.core.tracking.stored_run import StoredRun
    from edgetl.pipeline.pages.comparison import write_comparison
    from edgetl.pipeline.pages.report import open_report
    from edgetl.pipeline.pages.tracking import log_results

    if options.robustness:
        single = shlex.join(["edgetl", "report", str(options.runs[0]), "--robustness"])
        raise ConfigError(
            "--robustness is for one run, and not for a comparison of several",
            hint=f"measure each run by itself: {single}",
        )
    report = write_comparison(options.runs, options.out, format_name=options.format_name, quiet=options.quiet)
    console = Console(quiet=options.quiet)
    for line in describe_runs(report.comparison):
        console.say(line)
    for table in tabulate_comparison(report.comparison):
        console.table(*table)
    for line in describe_pairs(report.comparison):
        console.say(f"  {line}")
    console.say(f"{format_bytes(report.bytes)}, written in {report.seconds:.1f} s")
    logged: list[StoredRun] = []
    for root in options.runs if options.log else ():
        with open_report(root, quiet=options.quiet) as context:
            logged += log_results(context, options.log)
    output.show_logged(logged, console)
    record = {**report.dump(), "logged": list(map(asdict, logged))}
    output.print_record(record, str(report.path), as_json=options.as_json)
    return report.path
