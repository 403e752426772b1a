"""`decisions`: the decision log, and each decision as an argument."""
