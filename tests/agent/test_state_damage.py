"""A stored state that passes its checksum and yet cannot be: it is set aside, its headset starts
anew, and nobody else notices."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made
import msgspec
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_state import MEMBERS, assert_same, make_cohort, teach

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.checkpoints.state import DamagedError, Store, fingerprint
from fedxr.agent.checkpoints.state.rows import Stored

FOREIGN = (
    None, True, -1, 0, 1, 3, 7, 2**40, 2**63, 2**64 - 1, -(2**63), 0.5, -1.0, 1e30, 1e300,
    float("nan"), float("inf"), -float("inf"), "", "x", "y" * 5000, b"", b"\0" * 7, [], [[]], {},
    {"a": 1}, [0] * 5, [2**40], [-1, 4], "|O", ">f4", "<f8", "<i4", "<U9", "doing", "mood",
    msgspec.msgpack.Ext(5, b"x"),
)  # fmt: skip
"""What may stand anywhere in a value that somebody else has written."""


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    """Two who have learned, one of them more than is remembered, so that sums are stored."""
    cohort = make_cohort()
    cohort.headsets[0].replay.capacity = 2
    for step in range(8):
        teach(cohort, step % 2, step)
    cohort.headsets[0].federated = dict(cohort.headsets[0].personal)
    for row in (0, 1):
        cohort.stack.theta[row] = 0.01
        cohort.adam.first[row], cohort.adam.second[row] = 0.1, 0.2
    return cohort


@pytest.fixture(scope="module")
def whole(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    store = Store(tmp_path_factory.mktemp("whole") / "s.db")
    store.save(cohort, 0)
    found = store._file.read("user-0", fingerprint(cohort), lambda _: True)
    store.close()
    assert found is not None
    kinds = {key.partition("|")[0] for key in found.keys}
    assert kinds == {"theta", "first", "second", "normal", "task", "lesson", "own", "crowd"}
    return found


@pytest.fixture(scope="module")
def store(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store(tmp_path_factory.mktemp("store") / "s.db")
    store.save(cohort, 1)
    store.release("user-1")
    yield store
    store.close()


@pytest.fixture(scope="module")
def newcomers() -> Cohort:
    return make_cohort()


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in a decoded value something can be replaced."""
    yield at
    parts: Any = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    for key, part in parts:
        yield from places(part, (*at, key))


def replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    value = copy.copy(value)
    value[at[0]] = replaced(value[at[0]], at[1:], new)
    return value


def tampered(data: st.DataObject, packed: bytes) -> bytes:
    """Another value: foreign parts in it, bits or bytes of it changed, cut short, or rubbish."""
    kind = data.draw(st.sampled_from(["foreign", "foreign", "foreign", "bits", "cut", "rubbish"]))
    if kind == "foreign":
        value = msgspec.msgpack.decode(packed)
        at = data.draw(st.sampled_from(list(places(value))))
        return msgspec.msgpack.encode(replaced(value, at, data.draw(st.sampled_from(FOREIGN))))
    if kind == "cut":
        return packed[: data.draw(st.integers(0, len(packed) - 1))]
    if kind == "rubbish":
        return data.draw(st.binary(max_size=60))
    bad = bytearray(packed)
    for place in data.draw(st.lists(st.integers(0, len(bad) - 1), min_size=1, max_size=8)):
        bad[place] ^= data.draw(st.sampled_from([1, 0x40, 0x80, 0xFF]))
    return bytes(bad)


def assert_sane(cohort: Cohort, row: int) -> None:
    """What it knows are numbers, and so is what it answers."""
    tokens = [(row, x) for x in made.each(made.tokens(5, 2.0))]
    for answers in cohort.answers(tokens, cohort.features([t for _, t in tokens])):
        assert bool(torch.isfinite(answers).all()) or bool((answers.exp() >= 0).all())
        assert not bool(torch.isnan(answers).any())
    for task in made.TASKS:
        assert abs(float(cohort.trust(row, task).sum()) - 1) < 1e-4
    assert all(
        n >= 0 for told in cohort.headsets[row].replay.label_counts.values() for n in told.values()
    )


@given(data=st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_tampered_state_is_sane_or_set_aside(
    cohort: Cohort, whole: Stored, store: Store, newcomers: Cohort, data: st.DataObject
) -> None:
    checkpoint, head, arrays = fingerprint(cohort), whole.head, dict(whole.arrays)
    key = data.draw(st.sampled_from(["head", *sorted(arrays)]))
    if key == "head":
        head = tampered(data, head)
    elif data.draw(st.booleans()):
        arrays[key] = tampered(data, arrays[key])
    else:
        del arrays[key]
    store._file.write("user-0", checkpoint, head, arrays, fresh=True)
    for row in (0, 1):
        newcomers.add(row, MEMBERS[row])
    newcomers.headsets[0].replay.capacity = 2
    damaged = False
    try:
        store.load(newcomers, 0)
    except DamagedError:
        damaged = True
    if damaged:
        assert not newcomers.headsets[0].personal, "nothing of it was taken"
        assert not newcomers.headsets[0].replay.examples
        assert torch.equal(newcomers.stack.theta[0], newcomers.start[0])
    assert_sane(newcomers, 0)
    assert store.load(newcomers, 1) is not None
    assert_same(cohort, newcomers, 1)  # the other one is as before
    teach(newcomers, 0, 3)  # and what it is taught now is kept
    newcomers.stack.theta[0] = 0.02
    store.leave(newcomers, 0)
    again = newcomers.headsets[0].personal["mood"].sums
    newcomers.add(0, MEMBERS[0])
    assert store.load(newcomers, 0) is not None
    assert torch.equal(newcomers.headsets[0].personal["mood"].sums.a, again.a)
    store.release("user-0")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("theta", ["<f4", [3], bytes(12)]),
        ("theta", ["<f4", [2**40], bytes(12)]),
        ("theta", ["|O", [3], bytes(24)]),
        ("first", ["<f4", [-1], bytes(12)]),
        ("own|doing", ["<f4", [0], b""]),
        ("lesson|doing|0000", "a lesson"),
        ("task|doing", {"trust": None}),
    ],
)
def test_wrong_shapes_and_types_are_named(
    cohort: Cohort, whole: Stored, store: Store, newcomers: Cohort, key: str, value: object
) -> None:
    arrays = {**whole.arrays, key: msgspec.msgpack.encode(value)}
    store._file.write("user-0", fingerprint(cohort), whole.head, arrays, fresh=True)
    newcomers.add(0, MEMBERS[0])
    newcomers.headsets[0].replay.capacity = 2
    with pytest.raises(DamagedError, match=r"the stored state of user-0 is damaged \(.*\) and set"):
        store.load(newcomers, 0)
    assert store.load(newcomers, 0) is None, "it is set aside"


def test_the_state_itself_loads(
    cohort: Cohort, whole: Stored, store: Store, newcomers: Cohort
) -> None:
    store._file.write("user-0", fingerprint(cohort), whole.head, whole.arrays, fresh=True)
    newcomers.add(0, MEMBERS[0])
    newcomers.headsets[0].replay.capacity = 2
    assert store.load(newcomers, 0) is not None
    assert_same(cohort, newcomers, 0)


def test_a_damaged_file_is_set_aside_and_who_is_here_is_saved_whole(
    cohort: Cohort, tmp_path: Path, newcomers: Cohort
) -> None:
    """The disk spoils the file under a running server."""
    path = tmp_path / "s.db"
    store = Store(path)
    store.save(cohort, 1)
    store.close()
    path.write_bytes(path.read_bytes()[:6000])
    store = Store(path)
    newcomers.add(1, MEMBERS[1])
    assert store.load(newcomers, 1) is None
    teach(newcomers, 1, 2)
    newcomers.stack.theta[1] = 0.03
    store.leave(newcomers, 1)
    again = make_cohort()
    assert store.load(again, 1) is not None
    assert_same(newcomers, again, 1)
    assert len(list(tmp_path.glob("*.damaged"))) == 1
