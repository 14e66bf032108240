"""Named random streams: what one part draws never shifts what another part draws."""

import hashlib

import numpy as np


class Streams:
    """Independent generators by name, from one seed and the number of the replicate.

    Same seed, replicate and name → same numbers, whoever asks first and whatever other streams there are.
    """

    def __init__(self, seed: int, replicate: int = 0) -> None:
        self._seed = seed
        self._replicate = replicate
        self._streams: dict[str, np.random.Generator] = {}

    def stream(self, name: str) -> np.random.Generator:
        """Return the stream of that name; asked again, it goes on where it was."""
        if name not in self._streams:
            key = hashlib.sha256(name.encode()).digest()
            words = tuple(int.from_bytes(key[at : at + 4], "little") for at in range(0, 16, 4))
            sequence = np.random.SeedSequence(self._seed, spawn_key=(self._replicate, *words))
            self._streams[name] = np.random.Generator(np.random.PCG64(sequence))
        return self._streams[name]
