"""Vela, Arm's compiler for the NPUs Ethos-U, which runs in a child process."""
