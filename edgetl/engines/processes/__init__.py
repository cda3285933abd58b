"""Child processes of edgetl: how each one starts, and its limits."""
