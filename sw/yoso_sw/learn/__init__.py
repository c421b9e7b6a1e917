"""Training, in torch: what to train, the network of it, the loop, and the learning rules."""
