"""Alpha-PSP, the leaky neuron that the paper compares STDBP with."""
