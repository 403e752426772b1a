"""What a model unit serves: stated, measured or unknown."""
