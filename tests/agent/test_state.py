"""A headset's state on disk: what is loaded is what was saved, and a kill at any instant leaves it
whole."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import made
import pytest
import torch

from fedxr.agent.adaptation.adapter_stack import Tuning
from fedxr.agent.adaptation.cohort import Cohort
from fedxr.agent.adaptation.experts import GENERIC, ExpertWeights
from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.checkpoints.checkpoint_file import fit_ridge
from fedxr.agent.checkpoints.state import OtherModelError, Store
from fedxr.agent.inputs.tokens import TokenizedEpisode, TokenizedQuery
from fedxr.agent.model.checkpoint import Checkpoint

ROOT = Path(__file__).parents[2]
MEMBERS = [HeadsetIdentity(f"user-{i}", made.CHANNELS, made.TASKS) for i in range(2)]


def make_cohort(seed: int = 0) -> Cohort:
    model = made.model(seed)
    checkpoint = Checkpoint(model, {t: fit_ridge(model, t, ()) for t in made.TASKS})
    return Cohort(checkpoint, MEMBERS, Tuning(), torch.float32)


def teach(cohort: Cohort, row: int, step: int) -> None:
    """Change every part of a state in a way that ``step`` tells."""
    tokens = made.tokens(step % 4, 2.0)
    ask = tokens.queries[step % 2]
    told = TokenizedEpisode(
        tokens.token_features,
        (TokenizedQuery(ask.task, ask.tick, step % 4, ask.summary),),
        f"{step}",
    )
    cohort.remember([(row, told)])
    cohort.headsets[row].normalizer._count("eeg/made", torch.full((3,), float(step)).numpy())
    cohort.stack.theta[row] = float(step)
    cohort.adam.first[row], cohort.adam.second[row] = step + 1.0, step + 2.0
    cohort.adam.steps[row], cohort.adam.draws[row] = step, 2 * step


def same_tokens(a: TokenizedEpisode, b: TokenizedEpisode) -> bool:
    token_features = [
        (x.layout, x.tick) == (y.layout, y.tick) and (x.features == y.features).all()
        for x, y in zip(a.token_features, b.token_features, strict=True)
    ]
    (x,), (y,) = a.queries, b.queries
    summaries = x.summary.keys() == y.summary.keys() and all(
        (v == y.summary[k]).all() for k, v in x.summary.items()
    )
    return (
        all(token_features) and summaries and (x.task, x.tick, x.label) == (y.task, y.tick, y.label)
    )


def assert_same_trust(a: ExpertWeights, b: ExpertWeights) -> None:
    assert a.mixing == b.mixing
    for part in ("earned", "losses", "odds", "against"):
        assert torch.equal(getattr(a, part), getattr(b, part))
    for part in ("count", "label", "classes"):
        assert getattr(a, part) == getattr(b, part)


def assert_same(a: Cohort, b: Cohort, row: int) -> None:
    assert torch.equal(a.stack.theta[row], b.stack.theta[row])
    for part in ("first", "second", "steps", "draws"):
        assert torch.equal(getattr(a.adam, part)[row], getattr(b.adam, part)[row])
    assert a.headsets[row].expert_weights.keys() == b.headsets[row].expert_weights.keys()
    for task, trust in a.headsets[row].expert_weights.items():
        assert_same_trust(trust, b.headsets[row].expert_weights[task])
    assert a.headsets[row].replay.label_counts == b.headsets[row].replay.label_counts
    for task, kept in a.headsets[row].replay.examples.items():
        for x, y in zip(kept, b.headsets[row].replay.examples[task], strict=True):
            assert (x.task, x.label, x.held) == (y.task, y.label, y.held)
            assert x.tokens.key == y.tokens.key
            assert torch.equal(x.z, y.z)
            assert same_tokens(x.tokens, y.tokens)
    for sums in ("personal", "federated"):
        mine, theirs = getattr(a.headsets[row], sums), getattr(b.headsets[row], sums)
        assert mine.keys() == theirs.keys()
        for task, s in mine.items():
            assert s.sums.same(theirs[task].sums)
    assert a.headsets[row].normalizer.own.keys() == b.headsets[row].normalizer.own.keys()
    for key, m in a.headsets[row].normalizer.own.items():
        other = b.headsets[row].normalizer.own[key]
        assert m.n == other.n
        assert (m.total == other.total).all()
        assert (m.square == other.square).all()


def changes(store: Store) -> int:
    """Rows that were written so far."""
    file = store._file.disk._file
    assert file is not None
    return file.total_changes


def test_what_is_loaded_is_what_was_saved(tmp_path: Path) -> None:
    cohort, store = make_cohort(), Store(tmp_path / "state.db")
    began = time.time()
    for step in range(6):
        teach(cohort, 0, step)
        store.save(cohort, 0, {"battery": 0.5})
    cohort.headsets[0].federated = dict(cohort.headsets[0].personal)
    store.save(cohort, 0, {"battery": 0.25})
    store.close()
    again, back = make_cohort(), Store(tmp_path / "state.db")
    assert back.names() == ["user-0"]
    extra = back.load(again, 0)
    assert extra is not None
    assert extra.extra == {"battery": 0.25}
    assert began <= extra.saved <= time.time()
    assert extra.unasked == ()
    assert_same(cohort, again, 0)
    assert {t.count for t in again.headsets[0].expert_weights.values()} == {
        1
    }  # in the middle of a stretch
    assert back.load(again, 1) is None
    teach(cohort, 0, 7)
    teach(again, 0, 7)
    assert_same(cohort, again, 0)


def test_a_shorter_memory_is_stored_shorter(tmp_path: Path) -> None:
    cohort, store = make_cohort(), Store(tmp_path / "state.db")
    for step in range(4):
        teach(cohort, 0, step)
    store.save(cohort, 0)
    del cohort.headsets[0].replay.examples["mood"][-1]
    store.save(cohort, 0)
    store.release("user-0")
    again = make_cohort()
    store.load(again, 0)
    assert_same(cohort, again, 0)


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    cohort, store = make_cohort(), Store(tmp_path / "state.db")
    teach(cohort, 0, 1)
    store.save(cohort, 0)
    before = changes(store)
    store.save(cohort, 0)
    assert changes(store) == before
    cohort.adam.draws[0] += 1
    store.save(cohort, 0)
    assert changes(store) == before + 1  # the head alone


def test_a_state_of_another_model_stays_beside_the_new_one(tmp_path: Path) -> None:
    cohort, store = make_cohort(), Store(tmp_path / "state.db")
    teach(cohort, 0, 1)
    store.leave(cohort, 0)
    other = make_cohort(seed=1)
    with pytest.raises(OtherModelError, match="user-0 was learned with another model"):
        store.load(other, 0)
    teach(other, 0, 2)
    store.leave(other, 0)
    for mine, seed in ((cohort, 0), (other, 1)):
        again = make_cohort(seed)
        assert store.load(again, 0) is not None
        assert_same(mine, again, 0)
        store.release("user-0")


def test_a_state_with_other_landmarks_is_refused(tmp_path: Path) -> None:
    """The same weights, but stored sums are sums of other features."""
    cohort, store = make_cohort(), Store(tmp_path / "state.db")
    teach(cohort, 0, 1)
    store.save(cohort, 0)
    task, ridge = next(iter(cohort.checkpoint.ridges.items()))
    wide = sum(ridge.kernel.sizes)
    other = replace(ridge, kernel=replace(ridge.kernel, landmarks=torch.ones(3, wide)))
    checkpoint = replace(cohort.checkpoint, ridges={**cohort.checkpoint.ridges, task: other})
    with pytest.raises(OtherModelError, match="user-0 was learned with another model"):
        store.load(Cohort(checkpoint, MEMBERS, Tuning(), torch.float32), 0)


def test_a_store_is_for_this_user_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = Store(tmp_path / "s.db")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        store.close()
    finally:
        os.umask(old)
    assert modes.keys() >= {"s.db", "s.db-wal", "s.db-shm", "s.db.lock", "s.db.pid"}
    assert set(modes.values()) == {0o600}


def test_a_seat_given_to_another_starts_blank() -> None:
    cohort = make_cohort()
    teach(cohort, 0, 3)
    teach(cohort, 1, 3)
    cohort.add(0, HeadsetIdentity("new", made.CHANNELS, made.TASKS))
    cohort.add(2, HeadsetIdentity("third", made.CHANNELS, made.TASKS))
    fresh = make_cohort()
    assert cohort.names == ["new", "user-1", "third"]
    for row in (0, 2):
        assert torch.equal(cohort.stack.theta[row], fresh.stack.theta[0])
        assert cohort.headsets[row].replay.count("doing") == 0
        assert not cohort.headsets[row].personal
        assert cohort.adam.steps[row] == cohort.adam.draws[row] == 0
        for task, trust in cohort.headsets[row].expert_weights.items():
            assert_same_trust(trust, ExpertWeights())
            assert task in made.TASKS
        assert cohort.present(row, "mood") == (GENERIC,)
    assert cohort.stack.theta[1, 0] == 3
    cohort.add(5, MEMBERS[0])
    assert cohort.names == ["new", "user-1", "third", "vacant", "vacant", MEMBERS[0].name]
    assert torch.equal(cohort.stack.theta[5], fresh.stack.theta[0])


_SAVER = """
import sys
sys.path[:0] = [{root!r}, {root!r} + "/tests/agent"]
from pathlib import Path
import torch; torch.set_num_threads(1)
from test_state import make_cohort, teach
from fedxr.agent.checkpoints.state import Store
cohort, store = make_cohort(), Store(Path({path!r}))
store.load(cohort, 0)
step = int(cohort.adam.steps[0])
while True:
    step += 1
    teach(cohort, 0, step)
    store.save(cohort, 0, {{"step": float(step)}})
    print(step, flush=True)
"""


def kill_while_saving(path: Path, seed: int) -> None:
    """A process that saves in a loop is killed; the state is whole and at most one save old."""
    code = _SAVER.format(root=str(ROOT), path=str(path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as saver:
        assert saver.stdout is not None
        first = saver.stdout.readline()
        time.sleep(random.Random(seed).uniform(0.0, 0.25))
        saver.kill()
        said = [first, *saver.stdout.readlines()]
    told = int([line for line in said if line.endswith("\n")][-1])
    cohort, store = make_cohort(), Store(path)
    extra = store.load(cohort, 0)
    store.close()
    assert extra is not None
    step = extra.extra["step"]
    assert step in (told, told + 1)
    assert cohort.adam.steps[0] == step
    assert cohort.headsets[0].replay.label_counts.keys() <= {"doing", "mood"}
    assert sum(cohort.headsets[0].replay.count(t) for t in made.TASKS) == step
    assert bool((cohort.stack.theta[0] == step).all())
    kept = [x for examples in cohort.headsets[0].replay.examples.values() for x in examples]
    assert max(int(x.tokens.key) for x in kept) == step


@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_a_kill_at_any_instant_leaves_the_last_save(tmp_path: Path, kills: int) -> None:
    for seed in range(kills):
        kill_while_saving(tmp_path / "state.db", seed)
    with sqlite3.connect(tmp_path / "state.db") as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_who_has_gone_is_not_kept_in_memory(tmp_path: Path) -> None:
    """A thousand visitors leave a file, not a process, that has grown."""
    cohort, store = make_cohort(), Store(tmp_path / "state.db")
    for row in (0, 1):
        teach(cohort, row, 1)
        store.save(cohort, row)
    store.release("user-0")
    assert list(store._mirrors) == ["user-1"]
    again = make_cohort()
    assert store.load(again, 0) is not None
    assert_same(cohort, again, 0)
    before = changes(store)
    store.save(again, 0)  # what was loaded is known
    assert changes(store) == before


def test_starting_anew_leaves_nothing_of_before(tmp_path: Path) -> None:
    """A state that was refused, of a task that is not told again."""
    cohort, store = make_cohort(), Store(tmp_path / "state.db")
    for step in range(4):
        teach(cohort, 0, step)
    store.save(cohort, 0)
    store.release("user-0")
    other = make_cohort(seed=1)
    with pytest.raises(OtherModelError):
        store.load(other, 0)
    teach(other, 0, 1)
    store.leave(other, 0)
    again = make_cohort(seed=1)
    store.load(again, 0)
    assert_same(other, again, 0)
    assert again.headsets[0].replay.examples.keys() == other.headsets[0].replay.examples.keys()
