"""What kind of traffic a target has."""
