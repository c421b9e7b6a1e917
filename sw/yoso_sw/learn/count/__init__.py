"""Spike count: integrate-and-fire neurons, trained by how often they spike (Wu et al. 2019)."""
