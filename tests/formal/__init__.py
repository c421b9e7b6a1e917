"""Unbounded proofs of the RTL: ``make formal``."""
