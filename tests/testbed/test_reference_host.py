"""The host file that ships: whole, sourced, and of a plausible machine."""

from pathlib import Path

import msgspec

from sim.core.host import HostFile, load_host

REFERENCE = Path(__file__).resolve().parents[2] / "hosts" / "reference.json"


def test_it_loads_and_every_constant_says_how_it_was_had():
    loaded = load_host(REFERENCE)
    assert loaded.host.cores >= 1
    parsed = msgspec.json.decode(REFERENCE.read_bytes(), type=HostFile)
    for name, constant in parsed.constants.items():
        assert "lazypull testbed calibrate" in constant.source, name
        assert 0 <= constant.cv < 2, name


def test_it_is_within_a_factor_of_four_of_another_machine():
    """The spike's constants (docs/model.md), taken from the running daemon on a machine of the same kind.

    Whole chunks are compared: how their time divides into one for the chunk and one for its bytes, a fit knows least.
    """
    host = load_host(REFERENCE).host
    # the spike measured per raw byte, on layers that compress to about a third
    chunk_per_byte = host.inflate_s_per_packed_byte / 3 + host.hash_s_per_byte + host.chunk_s_per_byte
    region_per_byte = host.region_s_per_byte + host.region_s / 50_000  # of regions as the spike had them
    pairs = [(host.chunk_s + chunk_per_byte * size, 0.3e-3 + 11.5e-9 * size) for size in (64 << 10, 4 << 20)]
    for ours, theirs in [*pairs, (region_per_byte, 6e-9), (host.start_s, 0.115)]:
        assert theirs / 4 < ours < theirs * 4


def test_it_names_no_machine_and_no_path():
    text = REFERENCE.read_text()
    assert "/" not in msgspec.json.encode(msgspec.json.decode(text)["machine"]).decode().replace(
        "range / 1.349 / median", ""
    )
