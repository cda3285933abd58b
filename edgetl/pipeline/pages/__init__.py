"""Pages to look at: the inspection of a folder of photos."""
