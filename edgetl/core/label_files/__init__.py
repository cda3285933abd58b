"""Files with the names of a model's outputs, in the forms that people have them."""
