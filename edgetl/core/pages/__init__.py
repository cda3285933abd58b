"""Pages to look at: one HTML file each, without scripts and without anything from the network."""
