"""Target descriptors, bundle files, benchmark records and limits."""
