"""The paper's figures 8, 11 and 12 and tables I to III, redrawn: ``yoso figures --help``.

Each command writes a PNG and a JSON with its numbers, its settings and the command line that made it. One
file a figure; `report` writes them, `experiment` trains the two-layer networks of ReL-PSP and alpha-PSP.
"""
