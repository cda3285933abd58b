"""The teacher of an order."""
