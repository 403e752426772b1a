"""The settings in force, and changing them."""
