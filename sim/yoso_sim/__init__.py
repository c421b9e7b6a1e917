"""YOSO's simulation: Verilator builds, cocotb drivers, regression, reports, studies and energy."""
