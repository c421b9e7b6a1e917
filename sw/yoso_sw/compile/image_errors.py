"""What can be wrong with a weight image."""

from __future__ import annotations


class ImageError(ValueError):
    """A weight image, or what it was asked for, is not valid."""


class NotAnImageError(ImageError):
    """The file is missing, or does not begin like a weight image."""


class ImageVersionError(ImageError):
    """The file is a weight image of another version."""


class TruncatedImageError(ImageError):
    """The file ends early."""


class CorruptedImageError(ImageError):
    """The file is as long as it should be, or longer, and its contents are wrong."""


class WrongChipError(ImageError):
    """The image was compiled for another chip."""
