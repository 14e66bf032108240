"""Options that say how to reach a registry, for verbs that read or write images."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sim.oci import RegistryAccess


def registry_options(command: Any) -> Any:
    """Add `--ca-file`, `--plain-http` and `--platform`. Logins are those of `docker login`."""
    options = [
        click.option("--platform", help="OS/ARCHITECTURE of a list of images.  [default: this machine's]"),
        click.option(
            "--plain-http/--tls", default=None, help="Without or with TLS.  [default: TLS, except on this machine]"
        ),
        click.option(
            "--ca-file", type=click.Path(path_type=Path), help="PEM of authorities to trust besides the system's."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def registry_access(*, plain_http: bool | None, ca_file: Path | None) -> "RegistryAccess":
    """What the options ask for."""
    from sim.oci import RegistryAccess

    return RegistryAccess(plain_http=plain_http, ca_file=ca_file)
