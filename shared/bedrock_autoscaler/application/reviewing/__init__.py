"""Looking back: replays, other settings on the past, and the oracles on an account."""
