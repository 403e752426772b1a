"""From a decision to release to a Delete in the last minutes of a paid period."""
