"""Where the tasks of a command run."""
