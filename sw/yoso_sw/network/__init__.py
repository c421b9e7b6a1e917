"""What a network is, what it must do, and the committed ones. NumPy and numba; no torch."""
