"""The decision core: pure values and rules, with no I/O, clock, environment or SDK."""
