"""STDBP, the rule of the paper: ReL-PSP spike times, their exact gradient, and the kernels of both."""
