"""Stages of a sweep over networks."""
