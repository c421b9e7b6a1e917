"""A search over thresholds, windows, bits and rates, by validation images alone (docs/profile.md)."""
