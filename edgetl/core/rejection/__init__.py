"""Thresholds at which a classifier answers "none of these" or "unsure", with the bounds that they keep."""
