"""The recipe: its tables, its presets, and its resolution from options and files."""
