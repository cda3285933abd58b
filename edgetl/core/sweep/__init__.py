"""Networks that are compared for one target: which ones, how certain their differences are, and which one is chosen."""
