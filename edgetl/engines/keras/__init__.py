"""Keras 3: build, train, load and split networks."""
