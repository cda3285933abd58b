"""The steps of a build: each is a function from records to a record. Stages never import each other."""
