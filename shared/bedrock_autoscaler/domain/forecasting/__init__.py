"""What units will be used for, learned online for each target."""
