"""The command inspect: what is in the photos. It trains no model, and changes nothing in their folder."""

from edgetl.cli.app import app
from edgetl.cli.options import InspectCommand
from edgetl.cli.parameters import add_command
from edgetl.core.errors import ConfigError


@add_command(app, "inspect")
def _inspect(options: InspectCommand) -> None:
    """Look for wrong labels, bad photos, duplicates, confusing classes and shortcuts, before training."""
    from dataclasses import replace

    from edgetl.cli import output
    from edgetl.core.inspection.dump import dump_inspection
    from edgetl.core.inspection.tables import tabulate_inspection
    from edgetl.pipeline.pages.inspection import open_inspection, run_inspection

    if options.photos is not None and options.photos_option is not None:
        raise ConfigError("PHOTOS and --photos are both given", hint="they mean the same: give one of them")
    chosen = replace(options, photos=options.photos or options.photos_option)
    with open_inspection(chosen, options.out, quiet=options.quiet) as context:
        inspected = run_inspection(context)
        for table in tabulate_inspection(inspected.inspection, inspected.photos):
            context.console.table(*table)
        context.console.say(f"to leave out photos: edit {inspected.suspects}, then {inspected.build_command}")
    record = {
        "page": str(inspected.page),
        "suspects_file": str(inspected.suspects),
        "build_command": inspected.build_command,
        **dump_inspection(inspected.inspection, inspected.photos),
    }
    output.print_record(record, str(inspected.page), as_json=options.as_json)
