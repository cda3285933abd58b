"""The child process in which converters and calibrators run: a crash of a library ends it, and not the build."""
