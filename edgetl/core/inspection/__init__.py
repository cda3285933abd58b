"""What an inspection of photos finds: wrong labels, bad photos, confusing classes, learning curves, shortcuts."""
