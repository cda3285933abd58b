"""The command line of edgetl."""

from edgetl.cli import listings, verbs
from edgetl.cli.app import main, run

# `listings` and `verbs` add their commands to the program when they are imported.
__all__ = ["listings", "main", "run", "verbs"]
