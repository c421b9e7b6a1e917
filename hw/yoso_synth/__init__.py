"""Synthesis of YOSO with open tools: area and clock on an FPGA and on ASIC processes, and mapped netlists.

The commands are ``yoso synth`` and ``yoso bitstream``. What an image costs on a netlist: `yoso_sim.energy`.
"""
