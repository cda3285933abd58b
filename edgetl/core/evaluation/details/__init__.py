"""The details of a verdict for each class or label, and for each photo."""
