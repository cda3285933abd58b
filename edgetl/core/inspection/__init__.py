"""What an inspection of photos finds: likely wrong labels, bad photos, confusing classes, learning curves, shortcuts."""
