"""YOSO's simulation: Verilator builds, cocotb drivers and benches, regression and reports."""
