"""A checkpoint comes back from its file as it was; a file that holds none is refused with a
remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import made
import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from fedxr.agent.checkpoints.checkpoint_file import (
    Card,
    card_of,
    fit_ridge,
    load_checkpoint,
    save_checkpoint,
)
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.tasks import TASKS, as_text, register_written, written_tasks

CARD = Card("a test", {"companion": ("7/one", "7/two"), "made": ("made/u0",)})


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Checkpoint, Path]:
    model, path = made.model(), tmp_path / "made.safetensors"
    checkpoint = Checkpoint(model, {t: fit_ridge(model, t, ()) for t in made.TASKS})
    save_checkpoint(checkpoint, path, CARD)
    return checkpoint, path


def test_a_checkpoint_comes_back_as_it_was(saved: tuple[Checkpoint, Path]) -> None:
    checkpoint, path = saved
    assert load_checkpoint(path).digest == checkpoint.digest


def test_its_card_says_whom_it_has_learned_from(saved: tuple[Checkpoint, Path]) -> None:
    _, path = saved
    card = card_of(path)
    assert card.made_by == CARD.made_by
    assert {name: tuple(people) for name, people in card.people.items()} == CARD.people


def test_a_missing_or_broken_file_is_refused(saved: tuple[Checkpoint, Path]) -> None:
    _, path = saved
    with pytest.raises(ValueError, match=r"nowhere: no such checkpoint .*fedxr pretrain"):
        load_checkpoint(path.with_name("nowhere"))
    with pytest.raises(ValueError, match=r"no such checkpoint .*fedxr pretrain"):
        load_checkpoint(path.parent)
    whole = path.read_bytes()
    for part in (b"", b"hello" * 100, whole[: len(whole) // 2], whole[:100]):
        path.write_bytes(part)
        with pytest.raises(ValueError, match=r"not a readable checkpoint .*fedxr pretrain"):
            load_checkpoint(path)


def test_a_file_that_lacks_something_is_refused(saved: tuple[Checkpoint, Path]) -> None:
    _, path = saved
    with safe_open(str(path), "pt") as file:
        meta = dict(file.metadata())
        tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118

    def refused(match: str) -> None:
        with pytest.raises(ValueError, match=match + ".*fedxr pretrain"):
            load_checkpoint(path)

    save_file(tensors, str(path))
    refused("format none")
    save_file(tensors, str(path), {k: v for k, v in meta.items() if k != "ridges"})
    refused("lacks 'ridges'")
    save_file(tensors, str(path), {**meta, "size": "{"})
    refused("does not fit")
    for gone in ("ridge/doing/prior", "ridge/doing/landmarks"):
        save_file({k: v for k, v in tensors.items() if k != gone}, str(path), meta)
        refused(f"lacks '{gone}'")
    weight = next(k for k in tensors if k.startswith("model/"))
    save_file({k: v for k, v in tensors.items() if k != weight}, str(path), meta)
    refused("(?s)does not fit")


def test_a_task_of_ones_own_set_comes_back_with_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `fedxr serve` finds it, which is told of no set."""
    before = TASKS.snapshot()
    monkeypatch.setattr(as_text, "_KNOWN", set(before) - {"doing"})
    path = tmp_path / "own.safetensors"
    checkpoint = Checkpoint(made.model(), {t: fit_ridge(made.model(), t, ()) for t in made.TASKS})
    save_checkpoint(checkpoint, path, CARD)
    try:
        del TASKS["doing"]
        assert load_checkpoint(path).digest == checkpoint.digest
        assert TASKS["doing"] == before["doing"]
        TASKS["doing"] = replace(before["doing"], classes=("one", "two"), cues=None)
        with pytest.raises(ValueError, match=r"'doing' was learned with .* and has one, two here"):
            load_checkpoint(path)
    finally:
        TASKS.restore(before)


def test_every_task_survives_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_text, "_KNOWN", set[str]())
    before = TASKS.snapshot()
    text = written_tasks()
    try:
        TASKS.restore({})
        register_written(text)
        assert TASKS.snapshot() == before
    finally:
        TASKS.restore(before)
