"""The papers' other tasks: UCI sets by spike counts, regression by tandem learning."""
