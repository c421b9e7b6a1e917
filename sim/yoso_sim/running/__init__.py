"""A network run on images, whatever ran it: golden model, RTL or board, and what came out, in one form."""
