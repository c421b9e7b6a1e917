"""``yoso explore``: networks on the chips of a grid, and which of them are worth it."""
