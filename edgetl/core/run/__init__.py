"""A run folder: its finished stages, their fingerprints, and the workspace of a stage."""
