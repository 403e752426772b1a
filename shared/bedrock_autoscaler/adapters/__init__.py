"""One module per port and technology; adapters never import one another."""
