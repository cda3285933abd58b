"""Corrupted photos: what blur, darkness, noise and the like cost, and what the conversion costs on top."""
