"""Files that appear whole, and the cache of what can be computed again."""
