"""Synthesis of YOSO with open tools: area, clock and energy on an FPGA and on ASIC processes.

Commands, with what makes them in the Makefile: ``python -m yoso_synth`` (``make synth``),
``python -m yoso_synth.bitstream``, ``python -m yoso_synth.budget`` (``make energy``),
``python -m yoso_synth.explore`` and ``python -m yoso_synth.publish``.
"""
