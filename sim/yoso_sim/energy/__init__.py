"""Energy of an image: what the RTL counts, times what a mapped PE (`yoso_synth`) spends on each event.

The commands are ``yoso energy`` and ``yoso explore``; ``python -m yoso_sim.energy.publish`` writes their
figures into the checkout's pages.
"""
