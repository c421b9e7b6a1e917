"""Synthesis of YOSO with open tools: area, clock and energy on an FPGA and on ASIC processes.

The commands are ``yoso synth``, ``bitstream``, ``energy`` and ``explore``; ``python -m yoso_synth.publish``
writes their figures into the checkout's pages.
"""
