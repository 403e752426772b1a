"""Equality for values that hold traffic, which has none of its own since it is arrays."""

from dataclasses import fields, is_dataclass

import numpy as np


def plain(value: object) -> object:
    """`value` as tuples and dicts that compare by content; a gap equals a gap."""
    if isinstance(value, np.ndarray):
        return tuple(None if np.isnan(item) else float(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        members = {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return {"": type(value).__name__, **members}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(plain(item) for item in value)
    return value
