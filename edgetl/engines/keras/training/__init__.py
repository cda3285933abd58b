"""The parts of a training that recipes choose: optimizers, targets, and how much fits into a budget of time."""
