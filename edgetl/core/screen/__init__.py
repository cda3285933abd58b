"""Lines, tables and progress on a terminal, and their copy in the log of a run."""
