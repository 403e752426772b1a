"""What a person is asked for, and what a consent allows."""
