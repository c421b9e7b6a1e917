"""Tandem learning: spiking layers and the ReLU twin whose gradient they take (Wu et al. 2021)."""
