"""Measured against simulated runs of one experiment: how far apart they are, as tables, a page and a document.

Reads stored results only. `compare.compare` does the arithmetic, `page.write_page` draws it, `publish.publish` writes
the tables and the document that are committed.
"""
