"""Models of Keras 2, carried over to Keras 3: layer by layer, so that both predict the same."""
