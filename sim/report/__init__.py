"""Figures, tables, the HTML page and the timeline, from result tables only."""
