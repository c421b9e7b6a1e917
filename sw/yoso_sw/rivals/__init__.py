"""An epoch of each rule beside snnTorch and SpikingJelly: the same steps, batch, threads and loss."""
