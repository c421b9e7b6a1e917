"""Studies that run many networks or many chips: soak, soft errors."""
