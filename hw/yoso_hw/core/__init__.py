"""The core of a PE: load, compute, store and sender, decoupled by streams, and the kinds of its neurons."""
