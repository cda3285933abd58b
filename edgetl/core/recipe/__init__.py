"""The recipe: its tables, its presets, and how it is resolved from flags and files."""
