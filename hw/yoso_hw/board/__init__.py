"""A chip on a board: bridge to a serial line, its protocol, and the top with pins and clock."""
