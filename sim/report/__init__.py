"""Figures, tables, HTML page and timeline, from result tables only.

`build.write_report` writes it all. For notebooks: `source.open_results`, `axes`, `cells`, `crossings.crossings`,
`findings`, `stalls.stall_table`, the figures' `draw_…` functions and `style.png`.
"""
