"""What a verdict says of each class or label, and of each photo."""
