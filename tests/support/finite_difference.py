"""Gradients by finite differences, to hold exact ones against."""

import numpy as np
import torch


def numeric_gradient(function, tensor, delta=1e-6):
    """Central differences of a scalar `function` of one tensor."""
    gradient = torch.zeros_like(tensor)
    for place in np.ndindex(*tensor.shape):
        if not torch.isfinite(tensor[place]):
            continue
        values = []
        for sign in (1, -1):
            moved = tensor.clone()
            moved[place] += sign * delta
            values.append(function(moved))
        gradient[place] = (values[0] - values[1]) / (2 * delta)
    return gradient
