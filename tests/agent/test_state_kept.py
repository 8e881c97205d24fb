"""What of a headset is kept, how little that is, who gets it back, and what a disk may do to it."""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import replace
from pathlib import Path

import made
import pytest
import torch
from test_state import MEMBERS, assert_same, changes, make_cohort, teach

from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.checkpoints.state import Keep, NotSavedError, Store
from fedxr.agent.checkpoints.state import store as state
from fedxr.agent.inputs.tokens import TokenizedEpisode, TokenizedQuery

NAME = "user-0"


def say(cohort: Cohort, step: int, task: str = "doing", row: int = 0) -> None:
    """Feedback alone: what a round or a personal step changes stays as it is."""
    tokens = made.tokens(step, 1.0)
    ask = next(a for a in tokens.queries if a.task == task)
    told = TokenizedEpisode(
        tokens.token_features, (TokenizedQuery(task, ask.tick, step % 3, ask.summary),), f"{step}"
    )
    cohort.remember([(row, told)])


def stored(path: Path) -> dict[str, int]:
    """Bytes by key."""
    with sqlite3.connect(path) as file:
        found = dict(file.execute("SELECT key, length(value) FROM array").fetchall())
    file.close()
    return found


def as_after_a_round(cohort: Cohort) -> None:
    """What others bring: shared adapters and the sums of a crowd."""
    cohort.stack.theta[0, : cohort.stack.shared] += 0.1
    say(cohort, 1, row=1)
    cohort.headsets[0].federated = dict(cohort.headsets[1].personal)


def test_who_says_nothing_leaves_nothing(tmp_path: Path) -> None:
    """Though others have brought them adapters and sums, and though their moments are known."""
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    Store(tmp_path / "empty.db").close()
    for _ in range(50):
        assert store.load(cohort, 0) is None
        cohort.headsets[0].normalizer._count("eeg/made", torch.ones(3).numpy())
        as_after_a_round(cohort)
        store.save(cohort, 0)
        store.leave(cohort, 0)
        cohort.add(0, MEMBERS[0])
    assert store.names() == []
    assert not store._mirrors
    store.close()
    assert stored(tmp_path / "s.db") == {}
    sizes = {(tmp_path / name).stat().st_size for name in ("s.db", "empty.db")}
    assert len(sizes) == 1


def test_who_says_a_little_leaves_little(tmp_path: Path) -> None:
    """The moment itself, and no adapters, Adam's moments or sums: these come from the start, or
    from the moment. Without its tokens that is 2 KB."""
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    say(cohort, 1)
    (example,) = cohort.headsets[0].replay.examples["doing"]
    store.save(cohort, 0)
    store.close()
    sizes = stored(tmp_path / "s.db")
    assert sizes.keys() == {"task|doing", "lesson|doing|0000"}
    tokens = sum(e.features.nbytes for e in example.tokens.token_features)
    summary = sum(x.nbytes for x in example.tokens.queries[0].summary.values())
    assert sum(sizes.values()) < tokens + summary + 4000


def test_many_labels_and_one_taken_back_leave_no_sums(tmp_path: Path) -> None:
    """Sums that the examples give are counted again as they are loaded, bit for bit the same."""
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    for step in range(20):
        say(cohort, step)
        store.save(cohort, 0)
    example = cohort.headsets[0].replay.examples["doing"][7]
    cohort.headsets[0].forget("doing", example.tokens.key, example.tokens.queries[0].tick)
    store.leave(cohort, 0)
    assert not any(key.startswith("own") for key in stored(tmp_path / "s.db"))
    again = make_cohort()
    assert store.load(again, 0) is not None
    assert_same(cohort, again, 0)


def test_sums_of_more_than_is_remembered_are_stored(tmp_path: Path) -> None:
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    cohort.headsets[0].replay.capacity = 4
    for step in range(9):
        say(cohort, step)
        store.save(cohort, 0)
    store.leave(cohort, 0)
    assert "own|doing" in stored(tmp_path / "s.db")
    again = make_cohort()
    assert store.load(again, 0) is not None
    assert_same(cohort, again, 0)


# -- who comes back ------------------------------------------------------------------------------


def test_what_is_not_asked_waits_until_it_is(tmp_path: Path) -> None:
    """Taught both tasks; asked one with another sensor, and taught it on; asked both again."""
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    for step in range(4):
        say(cohort, step, "doing")
        say(cohort, step, "mood")
    cohort.headsets[0].federated = dict(cohort.headsets[0].personal)
    store.leave(cohort, 0)
    mood = (
        cohort.headsets[0].personal["mood"].sums,
        list(cohort.headsets[0].replay.examples["mood"]),
        cohort.headsets[0].expert_weights["mood"],
    )

    cohort.add(0, HeadsetIdentity(NAME, (made.PHONE,), ("doing",)))
    loaded = store.load(cohort, 0)
    assert loaded is not None
    assert loaded.unasked == ("mood",)
    assert (
        cohort.headsets[0].replay.examples.keys() == cohort.headsets[0].personal.keys() == {"doing"}
    )
    say(cohort, 5, "doing")
    store.save(cohort, 0)
    say(cohort, 6, "doing")
    store.leave(cohort, 0)
    doing = cohort.headsets[0].personal["doing"].sums

    cohort.add(0, MEMBERS[0])
    loaded = store.load(cohort, 0)
    assert loaded is not None
    assert loaded.unasked == ()
    assert torch.equal(cohort.headsets[0].personal["doing"].sums.a, doing.a)
    assert cohort.headsets[0].replay.count("doing") == 6
    assert torch.equal(cohort.headsets[0].personal["mood"].sums.a, mood[0].a)
    assert [x.label for x in cohort.headsets[0].replay.examples["mood"]] == [
        x.label for x in mood[1]
    ]
    assert torch.equal(cohort.headsets[0].expert_weights["mood"].earned, mood[2].earned)


def test_another_device_of_the_same_user_begins_with_what_was_taught(tmp_path: Path) -> None:
    """It writes nothing of its own until it is taught; then it has a state of its own."""
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    cohort.add(0, replace(MEMBERS[0], name="ann/quest-3"))
    say(cohort, 1)
    store.leave(cohort, 0)
    other = make_cohort()
    other.add(0, replace(MEMBERS[0], name="annette/ring"))
    assert store.load(other, 0) is None
    other.add(0, replace(MEMBERS[0], name="ann/ring"))
    loaded = store.load(other, 0)
    assert loaded is not None
    assert loaded.device == "quest-3"
    assert torch.equal(
        other.headsets[0].personal["doing"].sums.a, cohort.headsets[0].personal["doing"].sums.a
    )
    store.save(other, 0)
    assert store.names() == ["ann/quest-3"]
    say(other, 2)
    store.leave(other, 0)
    assert store.names() == ["ann/quest-3", "ann/ring"]
    for name, labels in (("ann/quest-3", 1), ("ann/ring", 2)):
        other.add(0, replace(MEMBERS[0], name=name))
        loaded = store.load(other, 0)
        assert loaded is not None
        assert loaded.device == ""
        assert other.headsets[0].replay.count("doing") == labels


def test_two_names_two_states(tmp_path: Path) -> None:
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    say(cohort, 1, row=0)
    say(cohort, 2, row=1)
    for row in (0, 1):
        store.leave(cohort, row)
    again = make_cohort()
    assert store.load(again, 1) is not None
    assert_same(cohort, again, 1)
    assert not again.headsets[0].personal


# -- a disk that takes nothing -------------------------------------------------------------------


def limit(store: Store, pages: int) -> None:
    """SQLite itself refuses to let the file get larger, as on a full disk."""
    file = store._file.disk._file
    assert file is not None
    file.execute(f"PRAGMA max_page_count={pages}")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "RETRY_S", 0.0)


@pytest.mark.usefixtures("at_once")
def test_what_the_disk_does_not_take_waits_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    say(cohort, 0)
    store.save(cohort, 0)
    limit(store, 5)
    for step in range(1, 4):
        say(cohort, step)
        with pytest.raises(NotSavedError, match="disk is full"):
            store.save(cohort, 0)
    assert "disk is full" in store.tend()
    store.leave(cohort, 0)  # who comes back gets what the disk has not taken
    back = make_cohort()
    loaded = store.load(back, 0)
    assert loaded is not None
    assert_same(cohort, back, 0)
    say(back, 4)
    say(cohort, 4)
    store.leave(back, 0)
    assert "disk is full" in store.tend()
    limit(store, 100_000)
    assert store.tend() == ""
    store.close()
    assert [r.message.partition(":")[0] for r in caplog.records] == ["not saving", "saving again"]
    again, store = make_cohort(), Store(tmp_path / "s.db")
    assert store.load(again, 0) is not None
    assert_same(cohort, again, 0)


@pytest.mark.usefixtures("at_once")
def test_what_waits_keeps_what_is_not_asked(tmp_path: Path) -> None:
    """Taught one task while the disk was full, came back and was asked another, left again."""
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    limit(store, 5)
    say(cohort, 1, "mood")
    store.leave(cohort, 0)
    other = Cohort(
        cohort.checkpoint, [HeadsetIdentity(NAME, made.CHANNELS, ("doing",))], made.TUNING
    )
    loaded = store.load(other, 0)
    assert loaded is not None
    assert loaded.unasked == ("mood",)
    say(other, 2, "doing")
    store.leave(other, 0)
    limit(store, 100_000)
    assert store.tend() == ""
    again = make_cohort()
    assert store.load(again, 0) is not None
    assert {t: again.headsets[0].replay.count(t) for t in made.TASKS} == {"doing": 1, "mood": 1}


@pytest.mark.usefixtures("at_once")
def test_what_waits_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(state, "WAITING", 2_000_000)
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    limit(store, 5)
    for number in range(12):
        cohort.add(0, replace(MEMBERS[0], name=f"visitor-{number:02d}"))
        say(cohort, number)
        cohort.stack.theta[0] += 1.0  # some 300 KB that are not as at the start
        store.leave(cohort, 0)
    waiting = list(store._waiting)
    assert sum(one.size for one in store._waiting.values()) <= 2_000_000
    assert 1 < len(waiting) < 12
    assert waiting == [f"visitor-{n:02d}" for n in range(12 - len(waiting), 12)]
    assert "visitor-00 is lost" in caplog.text


@pytest.mark.parametrize("where", ["adapters", "lesson"])
def test_what_is_not_finite_is_not_saved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    say(cohort, 1)
    store.save(cohort, 0)
    sane = make_cohort()
    store.release(NAME)
    store.load(sane, 0)
    say(cohort, 2)
    if where == "adapters":
        cohort.stack.theta[0, 7] = float("nan")
    else:
        cohort.headsets[0].replay.examples["doing"][-1].z[7] = float("nan")
    for _ in range(3):
        store.save(cohort, 0)
    store.leave(cohort, 0)
    again = make_cohort()
    assert store.load(again, 0) is not None
    assert_same(sane, again, 0)
    assert caplog.text.count("stays as it was last saved") == 1


def test_a_file_that_is_taken_away_is_written_whole_again(tmp_path: Path) -> None:
    cohort, store = make_cohort(), Store(tmp_path / "s.db")
    teach(cohort, 0, 1)
    store.save(cohort, 0)
    (tmp_path / "s.db").unlink()
    assert store.tend() == ""
    store.save(cohort, 0)  # nothing has changed, but that it is no longer there
    store.release(NAME)
    again = make_cohort()
    assert store.load(again, 0) is not None
    assert_same(cohort, again, 0)
    before = changes(store)
    store.save(again, 0)
    assert changes(store) == before


def test_the_quota_is_the_stores(tmp_path: Path) -> None:
    cohort, store = make_cohort(), Store(tmp_path / "s.db", Keep(megabytes=0.4))
    for number in range(40):
        cohort.add(0, replace(MEMBERS[0], name=f"visitor-{number:02d}"))
        store.load(cohort, 0)
        say(cohort, number)
        store.leave(cohort, 0)
    names = store.names()
    store.close()
    assert 3 < len(names) < 40
    assert names == [f"visitor-{n:02d}" for n in range(40 - len(names), 40)]
    assert (tmp_path / "s.db").stat().st_size < 700_000
