"""An epoch of each rule beside snnTorch and SpikingJelly: the same network, steps, batch, threads and loss."""
