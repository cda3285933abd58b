"""Stages of the pages: what is computed for them once and then read."""
