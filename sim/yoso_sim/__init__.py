"""YOSO's simulation: Verilator builds, cocotb drivers, regression, reports, studies and energy."""

import yoso_sw as yoso_sw  # it says where numba keeps what it compiles
