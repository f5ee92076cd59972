"""The tree, its proofs, signed notes and checkpoints, against published vectors and against other implementations."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from transparency import verifier
from transparency.verifier import Checkpoint, Frontier, Key, Note, NotVerified, is_extended, is_included, leaf_hash

# The inputs and roots of the tests of Certificate Transparency (RFC 6962).
LEAVES = [
    bytes.fromhex(each)
    for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
# Proofs over the same leaves, from the test data of transparency-dev/merkle: (index, size, proof), (old, new, proof).
INCLUSIONS = (
    (
        0,
        8,
        (
            "lqKW0iTyhcZ77pPDD4owkVfw2qNdxbh+QQt4YwoJz8c=",
            "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
            "a0eq8p7jwq+a+Im8H7klTavTEXfxYjLdaqsDXKOb9uQ=",
        ),
    ),
    (2, 3, ("+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU=",)),
    (
        1,
        5,
        (
            "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
            "Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=",
            "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
        ),
    ),
)
EXTENSIONS = (
    (
        6,
        7,
        (
            "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=",
            "sIaT7C5yFZcTBkHoIR5+7cy0wmQTlj7ubB4u0W/7Gl8=",
            "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
        ),
    ),
    (
        6,
        8,
        (
            "DrxdNDf74tsVi58Sah0RjjCBgQMdCpSfje3t68VY72o=",
            "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
            "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
        ),
    ),
    (2, 5, ("Xwg/ChozygdqlSeYMlgNs+DvRYS9/x9UyKNg9Q3jAx4=", "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=")),
)
# From the documentation of golang.org/x/mod/sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def _decoded(proof: tuple[str, ...]) -> list[bytes]:
    return [base64.b64decode(each) for each in proof]


def test_roots_are_those_published() -> None:
    frontier = Frontier()
    assert frontier.root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for leaf, root in zip(LEAVES, ROOTS, strict=True):
        frontier.add(leaf_hash(leaf))
        assert frontier.root().hex() == root


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSIONS)
def test_published_proofs_of_inclusion_and_none_that_was_altered(index: int, size: int, proof: tuple[str, ...]) -> None:
    hashes, leaf, root = _decoded(proof), leaf_hash(LEAVES[index]), bytes.fromhex(ROOTS[size - 1])
    assert is_included(leaf, index, size, hashes, root)
    wrong = [
        (leaf, index + 1, size, hashes, root),
        (leaf, -1, size, hashes, root),
        (leaf, index, size + 8, hashes, root),
        (leaf, index, size, hashes[:-1], root),
        (leaf, index, size, [*hashes, root], root),
        (leaf, index, size, [root, *hashes], root),
        (leaf, index, size, [hashes[0][:-1] + bytes([hashes[0][-1] ^ 1]), *hashes[1:]], root),
        (leaf_hash(b"another"), index, size, hashes, root),
        (leaf, index, size, hashes, leaf),
        (leaf, size, size, hashes, root),
    ]
    assert [is_included(*each) for each in wrong] == [False] * len(wrong)


@pytest.mark.parametrize(("old", "new", "proof"), EXTENSIONS)
def test_published_proofs_of_extension_and_none_that_was_altered(old: int, new: int, proof: tuple[str, ...]) -> None:
    hashes, before, after = _decoded(proof), bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1])
    assert is_extended(old, before, new, after, hashes)
    wrong = [
        (old, after, new, before, hashes),
        (new, after, old, before, hashes),
        (old + 1, before, new, after, hashes),
        (old, before, new + 8, after, hashes),
        (old, before, new, after, hashes[:-1]),
        (old, before, new, after, [*hashes, after]),
        (old, before, new, after, [before, *hashes]),
        (old, before, new, after, []),
        (old, before, old, after, []),
        (0, before, new, after, []),
        (-1, before, new, after, hashes),
    ]
    assert [is_extended(*each) for each in wrong] == [False] * len(wrong)
    assert is_extended(old, before, old, before, [])
    assert is_extended(0, verifier.EMPTY_ROOT, new, after, [])


def test_a_published_note_verifies_and_an_altered_one_does_not() -> None:
    key = Key.read(VKEY)
    assert str(key) == VKEY
    assert key.time_of(Note.read(NOTE)) == 0
    with pytest.raises(NotVerified, match="not one of its key"):
        key.time_of(Note.read(NOTE.replace("problem is", "Problem is")))
    other = Key.of("somebody.else", verifier.ED25519, key.public)
    assert other.time_of(Note.read(NOTE)) is None


@pytest.mark.parametrize(
    "raw",
    ["", "text\n", "text\n\n", "text\n\n— name\n", "text\n\n- name AAAAAAAAAA==\n", "text\n\n— name AAAA\n", NOTE[:-1]],
)
def test_what_is_no_note_is_refused(raw: str) -> None:
    with pytest.raises(NotVerified):
        Note.read(raw)


@pytest.mark.parametrize("raw", ["", "x\n", "x\n01\nAAAA\n", "x\n-1\nAAAA\n", "x\n1\nAAAA\n", "\n1\nAAAA\n"])
def test_what_is_no_checkpoint_is_refused(raw: str) -> None:
    with pytest.raises(NotVerified):
        Checkpoint.read(raw)


@pytest.mark.parametrize(
    "vkey", ["", "name", "name+00000000+AAAA", VKEY.replace("c74f20a3", "c74f20a4"), VKEY.replace("Peter", "Peter ")]
)
def test_what_is_no_key_is_refused(vkey: str) -> None:
    with pytest.raises(NotVerified):
        Key.read(vkey)


# RFC 8032, 7.1, tests 1 to 3: public key, message, signature.
RFC_8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_published_signatures(public: str, message: str, signature: str) -> None:
    key, text, value = (bytes.fromhex(each) for each in (public, message, signature))
    assert verifier.is_signed(key, text, value)
    assert not verifier.is_signed(key, text + b"x", value)
    assert not verifier.is_signed(key[::-1], text, value)
    # The same scalar plus the order of the group: a second form of the signature, which must be refused.
    scalar = int.from_bytes(value[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    assert not verifier.is_signed(key, text, value[:32] + scalar.to_bytes(32, "little"))
    assert not verifier.is_signed(key, text, value[:-1])


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_signatures_of_another_implementation_verify_and_with_one_bit_changed_do_not(
    seed: bytes, message: bytes, bit: int
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert verifier.is_signed(public, message, signature)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert not verifier.is_signed(public, message, bytes(changed))
