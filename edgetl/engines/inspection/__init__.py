"""Heads and maps on the features of a frozen base, by scikit-learn and cleanlab."""
