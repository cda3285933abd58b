"""From a folder of photos to decoded, split and augmented pixels."""
