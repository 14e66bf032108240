"""One file a figure: what it needs from the tables (pure), and how it is drawn (thin)."""
