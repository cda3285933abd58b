"""Photos in object storage, and their mirror in the cache."""
