"""Coverage of the RTL by the benches of `cosim`: ``make coverage``."""
