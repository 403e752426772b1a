"""What can go wrong with the demo."""


class DemoError(Exception):
    """The demo cannot go on; its text says what failed and what to do."""
