"""The Keras 2 child process: quantization-aware training, pruning and clustering with tfmot."""
