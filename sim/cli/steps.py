"""What is being done with which layer, on stderr while somebody looks; silence otherwise."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def steps(layers: int) -> Iterator[Callable[[str, int], None]]:
    """Show one line that changes; the callable given hears what is done and with which layer, counted from 0."""
    if not sys.stderr.isatty():
        yield lambda _text, _number: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda text, number: bar.update(task, description=f"{text} layer {number + 1} of {layers}")
