"""Several runs, compared: their results side by side, and paired where they share test photos."""
