"""Run folders and the orders in them: which folder a build uses, what would be lost in it, and the command for it."""
