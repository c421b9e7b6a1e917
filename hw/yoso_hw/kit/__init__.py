"""A chip for the tools of others: Verilog, AXI4-Stream, constraints, a testbench (``yoso rtl``)."""
