"""Files and folders that are complete or absent, and the cache of what can be computed again."""
