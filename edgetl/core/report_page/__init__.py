"""Sections of the report of a build: one module each, from the facts of a run to the values of a template."""
