"""The program with all its commands: the modules below add them to `app` when they are imported."""

# The order of these lines is that of the commands in the help.
from edgetl.cli import listings, verbs  # noqa: I001
from edgetl.cli import inspection
from edgetl.cli import fetch
from edgetl.cli import report
from edgetl.cli import sweep
from edgetl.cli import usage
from edgetl.cli.app import app

__all__ = ["app", "fetch", "inspection", "listings", "report", "sweep", "usage", "verbs"]
