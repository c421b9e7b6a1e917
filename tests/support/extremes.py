"""The smallest and the largest chip there can be."""

from yoso_hw.params import ChipParams

SMALLEST = ChipParams(cols=1, rows=1, lanes=1, neurons=1, weights=1, steps=2, layers=2, classes=2)
LARGEST = ChipParams(
    cols=16,
    rows=16,
    lanes=8,
    neurons=4096,
    weights=1 << 20,
    acc_bits=32,
    pot_bits=32,
    steps=1024,
    layers=64,
    classes=4096,
    link_fifo=64,
    spike_fifo=64,
)
