"""Decoding of photos as tasks."""
