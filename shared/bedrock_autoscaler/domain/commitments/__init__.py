"""Terms: advice, the ladder, renewals, and what they have saved."""
