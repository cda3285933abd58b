"""The command fetch: what a target needs beside the packages of Python, into the cache of edgetl."""

from edgetl.cli.app import app
from edgetl.cli.options import FetchCommand
from edgetl.cli.parameters import add_command
from edgetl.core.errors import unknown_name

# What can be fetched, and what it is.
_TITLES = {
    "browser": "LiteRT.js, the runtime of --target browser",
    "browser-threads": "LiteRT.js with threads, for --target browser-threads",
    "browser-onnx": "ONNX Runtime Web, the runtime of --target browser-onnx",
}


@add_command(app, "fetch")
def _fetch(options: FetchCommand) -> None:
    """Fetch the runtime of a target that is no package of Python, once; later builds need no network."""
    from edgetl.cli import output
    from edgetl.core.device.browser.npm_packages import RUNTIMES
    from edgetl.core.device.browser.runtime_files import fetch_runtime, read_runtime
    from edgetl.pipeline.workspace import open_workspace

    if options.name not in _TITLES:
        raise unknown_name("runtime", options.name, _TITLES)
    packages = RUNTIMES[options.name]
    with open_workspace(None, quiet=options.quiet) as (_, console):
        with console.wait(f"fetch {_TITLES[options.name]}"):
            folder = fetch_runtime(packages)
            files = {name: len(content) for name, content in read_runtime(packages).items()}
        console.table(
            f"files of {options.name}", ["file", "bytes"], [[name, f"{size:,}"] for name, size in files.items()]
        )
    record = {"folder": str(folder), "files": files}
    output.print_record(record, str(folder), as_json=options.as_json)
