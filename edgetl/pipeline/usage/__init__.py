"""Use of a finished model on this machine: which file a user means, predictions, the demo."""
