"""From a wish to at most one action, past pace, guard rails and what a person set by hand."""
