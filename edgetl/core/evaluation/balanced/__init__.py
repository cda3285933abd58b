"""Balanced accuracy, the mean of the recalls of the classes: its bounds, and those of its drop."""
