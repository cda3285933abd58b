"""What a build is going to do, and about how long it takes."""
