"""Networks in NIR, the neuromorphic intermediate representation (neuroir.org): export and import.

NIR's nodes are equations in continuous time; what a layer becomes, and what a graph means in steps, is
docs/nir.md. An import goes from the nodes (`chain`) to layers in real numbers (`parse`, `real`) and from
these to whole ones (`whole`); `measure` says on data how far both are apart. A graph says nothing about the
number of steps, the code of pixels and the bits of a weight; they go along as metadata, and `convert` takes
them from its arguments where a foreign graph has none. What no node says is refused, with all obstacles at
once; what is approximated is told.
"""

from yoso_sw.nir.common import NirError
from yoso_sw.nir.convert import Conversion, convert, from_nir
from yoso_sw.nir.export import losses, to_nir
from yoso_sw.nir.files import read, write
from yoso_sw.nir.measure import Measured, measure

__all__ = [
    "Conversion",
    "Measured",
    "NirError",
    "convert",
    "from_nir",
    "losses",
    "measure",
    "read",
    "to_nir",
    "write",
]
