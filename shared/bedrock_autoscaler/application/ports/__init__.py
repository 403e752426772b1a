"""What the application needs of the outside, in domain terms."""
