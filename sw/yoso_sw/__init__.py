"""YOSO's software: data, encoding, training, quantisation, the compiler and the golden model."""

from yoso_hw.folders import keep_compiled_code

keep_compiled_code()  # before anything imports numba
