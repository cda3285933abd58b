"""The page that compares runs, and its chart."""
