"""Energy of an image: what the RTL counts, times what a mapped PE (`yoso_synth`) spends on each event.

Commands, with what makes them in the Makefile: ``python -m yoso_sim.energy.budget`` (``make energy``),
``python -m yoso_sim.energy.explore`` and ``python -m yoso_sim.energy.publish``.
"""
