"""Training and conversion of K folds, and the verdict on the procedure."""
