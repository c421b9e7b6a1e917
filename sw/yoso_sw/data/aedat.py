"""AEDAT recordings of event cameras, versions 3.1 and 4, read by the library tonic."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from yoso_hw.extras import advice

from yoso_sw.data.samples import DatasetError
from yoso_sw.data.streams import Stream


def read(path: Path) -> Stream:
    """A file's recording; its times count from its first event. Raises `DatasetError`."""
    try:
        from tonic import io
    except ImportError:
        raise DatasetError(advice("tonic", what=f"reading {path.name}")) from None
    try:
        if path.suffix == ".aedat4":
            found = io.read_aedat4(str(path))
        else:
            if not path.read_bytes().startswith(b"#!AER-DAT3.1"):
                raise ValueError(
                    "it is not of version 3.1, and older ones do not say which camera they are of"
                )
            found = io.read_dvs_ibm(str(path))[1]  # the layout of 3.1, whatever the camera
        polarity = "on" if path.suffix == ".aedat4" else "p"  # what the library calls it
        stream = Stream(*(np.asarray(found[name]).astype(np.int64) for name in ("t", "y", "x", polarity)))
    except ImportError:
        raise DatasetError(advice("aedat", what=f"reading {path.name}")) from None
    except Exception as error:  # the library raises whatever its readers raise
        raise DatasetError(f"{path} is no readable AEDAT recording ({error}); replace or remove it") from None
    if not len(stream.time):
        raise DatasetError(f"{path} holds no event; replace or remove it")
    return stream._replace(time=stream.time - stream.time.min())
