"""Options that say how to reach a registry, for verbs that read or write images."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sim.oci import RegistryAccess


platform_option = click.option("--platform", help="OS/ARCHITECTURE of a list of images.  [default: this machine's]")


def registry_options(command: Any) -> Any:
    """Add `--plain-http` and `--ca-file`. Logins are those of `docker login`."""
    command = click.option(
        "--ca-file", type=click.Path(path_type=Path), help="PEM of authorities to trust besides the system's."
    )(command)
    return click.option(
        "--plain-http/--tls", default=None, help="Without or with TLS.  [default: TLS, except on this machine]"
    )(command)


def registry_access(*, plain_http: bool | None, ca_file: Path | None) -> "RegistryAccess":
    """What the options ask for."""
    from sim.oci import RegistryAccess

    return RegistryAccess(plain_http=plain_http, ca_file=ca_file)
