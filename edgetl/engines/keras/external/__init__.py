"""Models that were made elsewhere: load them, find their scaling and kind of output, and wrap them for edgetl."""
