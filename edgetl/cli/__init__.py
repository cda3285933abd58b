"""The command line of edgetl."""

from edgetl.cli import listings, verbs
from edgetl.cli.app import app, main, run

__all__ = ["app", "listings", "main", "run", "verbs"]
