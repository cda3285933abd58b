"""Metrics, the accuracy contract, verdicts and the ladder, in numpy alone."""
