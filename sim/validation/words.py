"""Numbers as the document, the page and the terminal say them; a dash stands for none."""

NONE = "–"


def percent(value: float | None, *, sign: bool = True) -> str:
    """A share of 1 as percent with one digit: 0.041 → "+4.1 %"."""
    if value is None:
        return NONE
    if value == float("inf"):
        return "missed"
    return f"{100 * value:+.1f} %" if sign else f"{100 * value:.1f} %"


def seconds(value: float | None, *, sign: bool = False) -> str:
    """Seconds to the millisecond."""
    if value is None:
        return NONE
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def megabytes(value: float | None) -> str:
    """Bytes as MB with three digits behind the point."""
    return NONE if value is None else f"{value / 1e6:.3f}"


def number(value: float | None) -> str:
    """A count."""
    return NONE if value is None else f"{value:,.0f}"
