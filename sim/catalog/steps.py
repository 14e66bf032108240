"""The steps of a layer: bootstrap, apt, pip, copy, run, remove. Each works on a root file system in place."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from sim.catalog.chroot import call, call_inside, host_env
from sim.catalog.recipe import Bootstrap, Copy, LayerRecipe
from sim.core.errors import NotPossibleHere, RunFailed

# Manual pages, translations and documents stay out, as in Debian's own slim images.
UNWANTED_DOCUMENTS = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/locale/*",
)
# What a build leaves behind that says something of the machine or the hour but nothing to a container.
TRACES_OF_BUILDING = (
    "dev/*",
    "etc/apt/sources.list",
    "etc/hostname",
    "etc/resolv.conf",
    "root/.cache",
    "run/*",
    "tmp/*",
    "usr/sbin/policy-rc.d",
    "var/cache/apt/*",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache",
    "var/lib/apt/lists/*",
    "var/lib/dpkg/*-old",
    "var/log/*.log",
    "var/log/apt",
)
USRMERGE_AND_ITS_PERL = "usrmerge perl 'perl-modules-*' 'libperl5*' 'lib*-perl' libgdbm6 libgdbm-compat4"
# Wheels for glibc up to that of Debian 12 (2.36), newest first.
GLIBC_MINORS = (34, 28, 27, 17, 12, 5)
WHEEL_PLATFORMS = (*(f"manylinux_2_{minor}_x86_64" for minor in GLIBC_MINORS), "manylinux2014_x86_64")
PREFERENCES = "etc/apt/preferences"  # its folder is written to anyway, so that no time of a directory changes


@dataclass(frozen=True, slots=True)
class Origin:
    """What a build takes after an earlier one, so that the same image comes out.

    versions: of Debian packages, taken where the archives still have them. at_s: Unix time of that build, whose day
    the accounts of the lowest layer have in `/etc/shadow`.
    """

    versions: Mapping[str, str]
    at_s: int


def bootstrap(step: Bootstrap, root: Path, origin: Origin) -> None:
    """Make a root file system from the machine's own package sources."""
    if shutil.which("mmdebstrap") is None:
        raise NotPossibleHere("mmdebstrap is not installed; run `apt-get install mmdebstrap`")
    excludes = [f"--dpkgopt={line}" for line in UNWANTED_DOCUMENTS]
    # apt picks usrmerge, which brings all of Perl; Debian's own images have the empty usr-is-merged instead.
    slim = ["--include=usr-is-merged", f'--customize-hook=chroot "$1" apt-get --yes purge {USRMERGE_AND_ITS_PERL}']
    with preferences(origin.versions) as file:
        pins = [
            f'--setup-hook=install -D {file} "$1/{PREFERENCES}"',
            f'--customize-hook=rm "$1/{PREFERENCES}"',
        ]
        call(
            ["mmdebstrap", "--mode=root", f"--variant={step.variant}", *slim, *excludes, *pins, step.suite, str(root)],
            env=host_env() | {"SOURCE_DATE_EPOCH": str(origin.at_s)},  # useradd(8) takes the day from it
        )


@contextmanager
def preferences(versions: Mapping[str, str]) -> Iterator[Path]:
    """A file by which apt takes these versions, also older ones than it has, and the newest where one is gone."""
    with NamedTemporaryFile("w", prefix="lazypull-apt-") as file:
        # 1001: above 1000 a version is taken even if that is a downgrade (apt_preferences(5)).
        file.writelines(
            f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n\n" for name, version in versions.items()
        )
        file.flush()
        yield Path(file.name)


def build_steps(layer: LayerRecipe, root: Path, beside: Path, *, epoch_s: int, pinned: bool, origin: Origin) -> None:
    """Run all steps of a layer but the bootstrap. `pinned`: insist on the versions the recipe names."""
    if layer.apt:
        install_debian(_versions(layer.apt, "=", pinned), root, origin)
    if layer.pip:
        install_wheels(_versions(layer.pip, "==", pinned), root, epoch_s=epoch_s)
    for copy in layer.copy:
        copy_in(copy, root, beside)
    for script in layer.run:
        call_inside(root, script)
    remove(layer.remove, root)


def install_debian(packages: list[str], root: Path, origin: Origin) -> None:
    """Install with the machine's apt, its sources and lists, into `root`; only the named and what they need."""
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")  # installing a server must not start it
    policy.chmod(0o755)
    options = {
        "DPkg::Chroot-Directory": root,
        "Dir::State::status": root / "var/lib/dpkg/status",
        "Dir::State::extended_states": root / "var/lib/apt/extended_states",
        "Dir::Cache": root / "var/cache/apt",
        "Dir::Log": root / "var/log/apt",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
    }
    (root / "var/log/apt").mkdir(exist_ok=True)
    with preferences(origin.versions) as file:
        options["Dir::Etc::Preferences"] = file
        arguments = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        call(["apt-get", *arguments, "install", "--yes", *packages], env=host_env())


def install_wheels(requirements: list[str], root: Path, *, epoch_s: int) -> None:
    """Install wheels where the image's own Python looks for local ones, compiled as pip does.

    Times are set before compiling: a .pyc holds its source's time and is ignored when they differ.
    """
    pythons = sorted(path.name for path in (root / "usr/bin").glob("python3.[0-9]*") if path.name[-1].isdigit())
    if not pythons:
        raise RunFailed("the image has no Python for the pip step; add python3 to an apt step before it")
    version = pythons[0].removeprefix("python")
    inside = f"usr/local/lib/python{version}/dist-packages"
    platforms = [part for tag in WHEEL_PLATFORMS for part in ("--platform", tag)]
    how = ["--no-deps", "--no-compile", "--only-binary", ":all:", "--python-version", version, *platforms]
    call([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(root / inside), *how, *requirements])
    call_inside(root, f"find /{inside} -newermt @{epoch_s} -exec touch --no-dereference --date=@{epoch_s} {{}} +")
    call_inside(root, f"python{version} -m compileall -q /{inside} || true")  # some wheels ship files for Python 2


def copy_in(step: Copy, root: Path, beside: Path) -> None:
    """Put a file beside the recipe into the image, owned by root."""
    target = root / step.target.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(beside / step.source, target)
    target.chmod(int(step.mode, 8))


def remove(globs: tuple[str, ...], root: Path) -> None:
    """Remove what matches below `root`, directories with all they hold."""
    for pattern in globs:
        for path in sorted(root.glob(pattern.lstrip("/"))):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)  # gone already where one match held another


def _versions(packages: Mapping[str, str], sign: str, pinned: bool) -> list[str]:
    return [f"{name}{sign}{version}" if version and pinned else name for name, version in sorted(packages.items())]
