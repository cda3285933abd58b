"""How good a model is, apart from its conversion."""
