"""Tests of the simulation. `bench_*` are cocotb's, run inside a simulator as `cosim.bench_*`."""
