"""Network to weight image: mapping, memories, flits, and what the chip must then show. No torch."""
