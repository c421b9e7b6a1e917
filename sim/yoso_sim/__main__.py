"""``python -m yoso_sim``."""

from yoso_sim.cli import main

main(prog_name="python -m yoso_sim")
