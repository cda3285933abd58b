"""Heat maps: where in a photo a model finds the class that it predicts."""
