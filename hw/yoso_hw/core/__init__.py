"""The core of a PE: load, compute, store and sender, decoupled by streams, and the neurons that it can have."""
