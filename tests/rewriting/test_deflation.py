"""How a data set was deflated is found again, by whatever writer of zlib, and however it padded."""

from __future__ import annotations

import zlib

import pytest

from derive.rewriting.deflation import USUAL, deflated, deflation_of

DATA = [b"".join(n.to_bytes(4, "big") * (n % 5) for n in range(count)) for count in (700, 701, 705, 4000)]


def packed_by(level, data, memory=8):
    pack = zlib.compressobj(level, wbits=-zlib.MAX_WBITS, memLevel=memory)
    return pack.compress(data) + pack.flush()


@pytest.mark.parametrize("behind", [None, b"", b"\1\2\3\4\5\6\7\10", b"\0\0\0"], ids=["padded", "bare", "gzip", "nuls"])
@pytest.mark.parametrize("level", [1, 4, 6, 9])
@pytest.mark.parametrize("data", DATA, ids=len)
def test_the_same_data_set_gives_the_same_bytes_after_another(data, level, behind):
    packed = packed_by(level, data)
    packed += b"\0" * (len(packed) % 2) if behind is None else behind
    for other in DATA:
        between = deflated([other], deflation_of(packed, data))
        assert zlib.decompressobj(-zlib.MAX_WBITS).decompress(between) == other
        assert deflated([data], deflation_of(between, other)) == packed


def test_what_zlib_does_not_make_is_deflated_as_usual():
    data = DATA[2]
    packed = packed_by(0, data)
    assert deflation_of(packed + b"\0" * (len(packed) % 2), data) == USUAL
