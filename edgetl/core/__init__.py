"""Light: stdlib, numpy, Pillow, pydantic and rich; never a framework."""
