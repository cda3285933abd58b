"""AdaRound: which weights of an 8-bit file are rounded up and which down, from samples of each layer's activations."""
