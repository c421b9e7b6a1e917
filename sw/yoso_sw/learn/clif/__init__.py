"""C-LIF, direct training of current-based leaky neurons, learning from the current time step only."""
