"""How hard the properties are tried: as in all tests, or as `make soak-tests` asks."""

from hypothesis import settings

settings.register_profile("soak", settings.get_profile("default"), max_examples=2_000)
