"""The command line of edgetl."""

from edgetl.cli import listings, usage, verbs
from edgetl.cli.app import main, run

# `listings`, `usage` and `verbs` add their commands to the program when they are imported.
__all__ = ["listings", "main", "run", "usage", "verbs"]
