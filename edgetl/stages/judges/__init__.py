"""Judges: one stage each, from an artifact and photos to the scores of a runtime beside that of the file's format."""
