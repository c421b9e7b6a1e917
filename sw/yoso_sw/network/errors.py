"""What is wrong with a network."""


class NetworkError(ValueError):
    """A network, or its file, is not valid; the message names the part, its value and what is allowed."""
