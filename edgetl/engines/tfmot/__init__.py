"""Quantization-aware training, pruning and clustering with tfmot, in a child process with Keras 2."""
