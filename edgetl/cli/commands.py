"""The program with all its commands: the modules below add them to `app` when they are imported."""

from edgetl.cli import listings, usage, verbs
from edgetl.cli.app import app

__all__ = ["app", "listings", "usage", "verbs"]
