"""Strings as small integers, for columns that repeat few of them."""

from array import array

import numpy as np
import pyarrow as pa

NULL = -1


class Codes:
    """Numbers strings in order of first use; None is `NULL`."""

    __slots__ = ("_codes",)

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def code(self, text: str | None) -> int:
        """Return the number of `text`."""
        return NULL if text is None else self._codes.setdefault(text, len(self._codes))

    def column(self, codes: "array[int]") -> pa.DictionaryArray:
        """Turn numbers into an Arrow dictionary column, `NULL` as null."""
        values = np.array(codes, dtype=np.int32)
        indices = pa.array(values, mask=values == NULL)
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(self._codes), pa.string()))
