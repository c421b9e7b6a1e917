"""What quantisation does to a network, layer by layer (docs/profile.md)."""
