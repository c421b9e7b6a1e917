"""Networks in NIR, the neuromorphic intermediate representation (neuroir.org): export and import.

NIR's nodes are equations in continuous time. A layer of slope A is three of them, exactly (docs/nir.md):

    I (r = 1)                 integrates input spikes, Dirac impulses: 1 from each axon's spike on
    Linear, Affine, Conv2d    A = W x + b; the bias axon, which spikes at step 0, is the constant b
    IF (r = 1)                V' = A, a spike where V > theta - 1/2: V is whole at whole steps
    I (r = 1)                 V' = A, in place of IF in the output layer of decision "softmax"

Time is counted in steps. IF resets V so low that it cannot spike again within an image, as ReL-PSP does not.
A graph says nothing about the number of steps, the code of pixels and the bits of a weight; they go along as
metadata, and `from_nir` takes them from its arguments where a foreign graph has none. What no node says
exactly (constant slopes, firing windows, pooling, clamping) is refused, never approximated.
"""

from yoso_sw.nir.common import NirError
from yoso_sw.nir.export import to_nir
from yoso_sw.nir.files import read, write
from yoso_sw.nir.parse import from_nir

__all__ = ["NirError", "from_nir", "read", "to_nir", "write"]
