"""Synthesis of YOSO with open tools: area and clock on an FPGA and on ASIC processes, and mapped netlists.

Commands, with what makes them in the Makefile: ``python -m yoso_synth`` (``make synth``) and
``python -m yoso_synth.bitstream`` (``make bitstream``). What an image costs on a netlist: `yoso_sim.energy`.
"""
