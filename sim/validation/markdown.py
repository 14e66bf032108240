"""Pieces of a Markdown document."""

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """A table whose first `left` columns stand left, the others right; nothing for no rows."""
    if not rows:
        return ""
    rule = ["---" if place < left else "--:" for place in range(len(header))]
    return "\n".join(_line(row) for row in (header, rule, *rows))


def section(title: str, *parts: str) -> str:
    """A heading of the second level with what follows; parts that are empty are left out."""
    return "\n\n".join([f"## {title}", *(part for part in parts if part)])


def bullets(items: Sequence[str]) -> str:
    """A list."""
    return "\n".join(f"* {item}" for item in items)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
