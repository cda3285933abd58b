"""What a model decides about a photo: its one class, or for each of several labels whether the photo has it."""
