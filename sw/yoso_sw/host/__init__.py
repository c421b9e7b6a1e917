"""Hosts of a chip: who loads it and runs images on it."""
