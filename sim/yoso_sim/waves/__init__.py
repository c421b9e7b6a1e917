"""Waveforms of one image, and how GTKWave and Surfer are to show them."""
