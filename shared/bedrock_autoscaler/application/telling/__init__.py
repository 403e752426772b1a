"""What persons and other systems are told, and what persons answer."""
