"""Models that Keras 2 saved: read and run by Keras 2 itself, in a child process."""
