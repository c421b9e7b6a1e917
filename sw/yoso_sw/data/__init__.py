"""Data sets: found, fetched, read, seen in other ways, distorted, and coded as spikes. No torch."""
