"""Results of finished runs, as tools that track experiments store them."""
