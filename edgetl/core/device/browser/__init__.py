"""Models in a web browser: the runtime from npm, and the files of a folder that a web server serves."""
