"""Rules side by side on one chip: what each costs, how soon it is right, and what noise does to it.

``yoso compare`` runs them all: `rows` what the table has, `latency` accuracy against the step, `noise`
accuracy under disturbed inputs, `ann` the 8-bit ReLU network beside them, `page` and `draw` what is written.
"""
