"""The page report.html: its sections in order, and their charts."""
