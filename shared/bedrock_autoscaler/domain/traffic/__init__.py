"""What was read of the world: demand with its gaps, and what its pressure means."""
