"""A sweep: networks compared for one target, by gates of which the cheap ones come first."""
