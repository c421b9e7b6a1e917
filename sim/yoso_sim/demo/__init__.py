"""A page on which one draws a picture and the RTL classifies it (docs/report.md#a-live-page)."""
