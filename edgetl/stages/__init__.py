"""The steps of a build: each is a function from records to a record, run by `pipeline.context`. Stages never import each other."""
