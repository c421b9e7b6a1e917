"""YOSO's software: data, encoding, training, quantisation, the compiler and the golden model."""
