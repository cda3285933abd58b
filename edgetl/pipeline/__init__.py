"""Which stages an order needs, and in which order."""
