"""A run folder: its finished stages, their fingerprints, and what a stage is given."""
