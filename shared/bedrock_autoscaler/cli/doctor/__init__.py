"""`doctor`: what keeps a stack or a target from working."""
