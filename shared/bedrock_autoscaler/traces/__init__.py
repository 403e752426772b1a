"""Minute tables of demand: their file format, a generated sample, and import of public traces."""
