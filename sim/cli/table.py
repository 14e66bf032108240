"""Plain aligned text tables: the same on a terminal, in a pipe and in a log."""

from collections.abc import Sequence

GAP = "  "


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Lines with a header; the first `left` columns are aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(_line(row, widths, left) for row in (header, *rows))


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    cells = [
        text.ljust(width) if at < left else text.rjust(width)
        for at, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return GAP.join(cells).rstrip()
