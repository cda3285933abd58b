"""A network as plain data, independent of any library, and BatchNorm folding."""
