"""How hard the properties are tried: Hypothesis's default, or as `make soak-tests` asks."""

from hypothesis import settings

settings.register_profile("soak", max_examples=2_000)
