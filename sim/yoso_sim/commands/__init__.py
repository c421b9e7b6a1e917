"""Commands of the simulation, of synthesis, and of what needs both."""
