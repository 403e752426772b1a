"""The purchases held, and the life of each."""
