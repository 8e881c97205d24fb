"""A cohort: the agents of H headsets, from feedback to answers.

One headset's life: its tokens are standardised by what is known of the user; a labelled moment is
answered by every expert, which earns or loses weight by it (:mod:`fedxr.agent.adaptation.experts`),
and becomes an example in the replay buffer and a term in the ridge head's sums; adapter steps
replay examples (:mod:`fedxr.agent.adaptation.trainer`); an update carries the shared blocks and the
sums to the federation and brings the mixed ones back (:mod:`fedxr.agent.adaptation.exchange`).

What one headset has learned is its :class:`fedxr.agent.adaptation.headset_state.HeadsetState`; here
stand all of them, and the adapters that train together, row by row.

Shape legend: H headsets, P numbers of theta, Z features, C classes, E experts, M examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from fedxr.agent.adaptation.adapter_stack import AdapterStack, Tuning
from fedxr.agent.adaptation.experts import ADAPTED, GENERIC, E, Mixing
from fedxr.agent.adaptation.federated import (
    federated_model,
    refuse_other_tuning,
    shared_blocks,
    start_from,
)
from fedxr.agent.adaptation.headset_state import VACANT, HeadsetIdentity, HeadsetState
from fedxr.agent.adaptation.replay import Remembering
from fedxr.agent.adaptation.spare_rows import SpareRows
from fedxr.agent.adaptation.trainer import AdamState
from fedxr.agent.inputs.batch import collate
from fedxr.agent.inputs.tokens import TokenizedEpisode
from fedxr.agent.model.checkpoint import Checkpoint
from fedxr.agent.model.federated_model import FederatedModel
from fedxr.agent.model.ridge_head import RidgeStats
from fedxr.federation import SharedSums


class Cohort:
    """``headsets[row]`` is what the headset at ``row`` has learned, ``stack.theta[row]`` (P,) its
    adapters and ``adam`` their optimiser's. ``federated`` is what newcomers start from, where there
    is such a model, and ``sums`` who has heard of whose sums.

    Raises ValueError for a checkpoint whose federated model has other adapters than ``tuning``."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        members: Sequence[HeadsetIdentity],
        tuning: Tuning,
        dtype: torch.dtype = torch.float32,
        mixing: Mixing | None = None,
        kept: Remembering | None = None,
    ) -> None:
        self.checkpoint, self.mixing = checkpoint, mixing or Mixing()
        self.kept = kept or Remembering()
        self.stack = AdapterStack(checkpoint.model, len(members), tuning, dtype)
        self.start = self.stack.start(1)
        self.adam = AdamState.none(self.stack.theta)
        self.federated: FederatedModel | None = checkpoint.federated
        self.sums = SharedSums[RidgeStats](self.federated.sums if self.federated else {})
        self._stays: dict[str, dict[str, str]] = {}
        if self.federated is not None:
            refuse_other_tuning(self.federated, self.stack)
        self.headsets = [self._new(identity) for identity in members]
        self._rooms = SpareRows(), SpareRows(), SpareRows()

    def _new(self, identity: HeadsetIdentity) -> HeadsetState:
        return HeadsetState.new(identity, self.checkpoint, self.mixing, self.kept)

    @property
    def names(self) -> list[str]:
        return [state.identity.name for state in self.headsets]

    # -- rows ------------------------------------------------------------------------------------

    def add(self, row: int, identity: HeadsetIdentity) -> None:
        """Row ``row`` is ``identity``'s, who knows nothing yet; every other row stays as it is, and
        nobody has those between the last and a new one. Nobody may learn or answer with the cohort
        meanwhile."""
        while row > len(self.headsets):
            self.add(len(self.headsets), VACANT)
        if row == len(self.headsets):
            self._add_row()
        else:
            self._clear_row(row)
        self.headsets[row : row + 1] = [self._new(identity)]
        if identity is VACANT:
            return
        self.sums.join(identity.name)
        if self.federated is not None:
            start_from(self.federated, self.stack, row, self.headsets[row])
            if identity.rank is not None:
                self.stack.theta[row] *= self.stack.within([identity.rank])[0]
            self.hear(row)

    def leave(self, row: int) -> None:
        """What the headset at ``row`` gave to others stays, though it goes."""
        state = self.headsets[row]
        if state.identity is not VACANT:
            stays = self.sums.leave(state.identity.name, state.offered())
            self._stays.setdefault(state.identity.kept_as, {}).update(stays)

    def come_back(self, row: int, stored_as: str) -> None:
        """The headset at ``row`` has loaded what was stored as ``stored_as``: what it left is its
        own again, and others' sums are those without it."""
        state = self.headsets[row]
        stays = self._stays.pop(stored_as, {})
        self.sums.come_back(state.identity.name, state.offered(), stays)
        for task in stays.keys() & set(state.identity.tasks):
            self._hear(state, task)

    def hear(self, row: int) -> None:
        """The headset at ``row`` knows of others' sums what it has been told."""
        for task in self.headsets[row].identity.tasks:
            self._hear(self.headsets[row], task)

    def _hear(self, state: HeadsetState, task: str) -> None:
        others = self.sums.others(state.identity.name, task)
        if others is None:
            state.federated.pop(task, None)
        elif task not in state.federated or not others.same(state.federated[task]):
            state.federated[task] = others

    def met(self, rows: Sequence[int], rounds: int) -> None:
        """Round ``rounds`` is over, and its answer has reached ``rows``: who comes from now on
        starts from what they have in common."""
        most = self.stack.tuning.r
        theta = self.stack.theta[max(rows, key=lambda r: self.headsets[r].identity.rank or most)]
        self.federated = federated_model(self.stack, theta, self.sums, rounds)

    def met_alone(self, row: int, rounds: int) -> None:
        """As :meth:`met`, where there is nobody but ``row``."""
        state = self.headsets[row]
        self.sums.offer(state.identity.name, state.offered(), state.identity.tasks)
        self.sums.together([state.identity.name])
        self.met([row], rounds)

    def go_back(self, to: FederatedModel | None) -> None:
        """Newcomers start from the shared blocks of ``to``, an earlier model, or from none; sums
        are exact, and stay."""
        if self.federated is not None:
            start = shared_blocks(self.stack, self.start[0])
            blocks = start if to is None else to.blocks
            self.federated = replace(self.federated, blocks=blocks)

    def _add_row(self) -> None:
        theta, moments = self.stack.theta, self.adam
        theta, first, second = (
            room.add(x)
            for room, x in zip(self._rooms, (theta, moments.first, moments.second), strict=True)
        )
        self.stack.theta, none = theta, theta.new_zeros(1)
        steps, draws = (torch.cat((x, none)) for x in (moments.steps, moments.draws))
        self.adam = AdamState(first, second, steps, draws)
        (told,) = self.start[0].nonzero(as_tuple=True)  # zeros it has, and they cost nothing
        theta[-1, told] = self.start[0, told]

    def _clear_row(self, row: int) -> None:
        """What is as at the start is not written, and goes on costing nothing."""
        if not torch.equal(self.stack.theta[row], self.start[0]):
            self.stack.theta[row] = self.start[0]
        moments = self.adam
        for part in (moments.first, moments.second, moments.steps, moments.draws):
            if bool(part[row].any()):
                part[row] = 0.0

    def remove(self, row: int) -> bool:
        """Nobody has ``row`` any more, nor is anything left of who had it. Where the last half of
        all rows is nobody's, its memory is given back: whether it was."""
        self.add(row, VACANT)
        there = (r + 1 for r, state in enumerate(self.headsets) if state.identity is not VACANT)
        used = max(there, default=0)
        if 2 * used > len(self.headsets):
            return False
        self.stack.theta = self.stack.theta[:used].clone()
        self.adam = self.adam.rows(slice(used))
        del self.headsets[used:]
        return True

    # -- feedback --------------------------------------------------------------------------------

    def remember(self, told: Sequence[tuple[int, TokenizedEpisode]], chunk: int = 64) -> list[int]:
        """Score the experts on the last ask of each ``(row, standardised tokens)``, then learn its
        truth: the example joins the memory and the ridge sums. Returns the checkpoint's best
        class of each. Of labels that come together, ``chunk`` at a time are scored before any of
        those is learned. Raises ValueError, before any is, where one holds what is no number."""
        if broken := [self.names[row] for row, tokens in told if not tokens.finite]:
            raise ValueError(f"a label of {broken[0]} with numbers that are not finite")
        generic = []
        for start in range(0, len(told), chunk):
            part = told[start : start + chunk]
            features = self.features([t for _, t in part])
            for (row, tokens), answers in zip(part, self.answers(part, features), strict=True):
                ask = tokens.queries[-1]
                present = self.present(row, ask.task)
                self.headsets[row].expert_weights[ask.task].score(answers, present, ask.label)
                generic.append(int(answers[GENERIC].argmax()))
            for (row, tokens), z in zip(part, features, strict=True):
                state = self.headsets[row]
                state.count(state.replay.add(tokens, z), 1.0)
        return generic

    def features(self, episodes: Sequence[TokenizedEpisode]) -> list[Tensor]:
        """Fixed features (Z,) of the last ask of each of ``episodes``."""
        model = self.checkpoint.model
        queries = [TokenizedEpisode((), e.queries[-1:]) for e in episodes]
        batch = collate([queries], model.plan.tokens_of, model.plan.tasks)
        summaries = model.summaries(batch.summaries)
        tasks = [e.queries[0].task for e in queries]
        by_task = {
            t: self.checkpoint.ridges[t].features(summaries, len(queries)) for t in set(tasks)
        }
        return [by_task[task][i].clone() for i, task in enumerate(tasks)]

    # -- answers ---------------------------------------------------------------------------------

    def present(self, row: int, task: str) -> tuple[int, ...]:
        """The experts that headset ``row`` has for ``task``."""
        adapted = not torch.equal(self.stack.theta[row], self.start[0])
        return self.headsets[row].present(task, adapted)

    def answers(
        self, asked: Sequence[tuple[int, TokenizedEpisode]], z: Sequence[Tensor]
    ) -> list[Tensor]:
        """Log-probabilities (E, C) of all experts for the last ask of each ``(row, tokens)`` with
        features ``z``; an expert that the headset lacks says what the generic one does."""
        logits = self._logits([(0, t) for _, t in asked], None)
        moved = [i for i, (row, t) in enumerate(asked) if ADAPTED in self.present(row, _task(t))]
        theta = self.stack.theta
        found = self._logits([asked[i] for i in moved], theta) if moved else []
        adapted = dict(zip(moved, found, strict=True))
        out = []
        for i, (row, tokens) in enumerate(asked):
            task = _task(tokens)
            present = self.present(row, task)
            state = self.headsets[row]
            heads = [state.head(task, e if e in present else GENERIC) for e in range(E)]
            own = torch.stack([logits[i]] * ADAPTED + [adapted.get(i, logits[i])])
            scores = self.mixing.head * own + torch.stack([z[i] @ w for w in heads])
            out.append(torch.log_softmax(scores, -1))
        return out

    def with_shared(self, theta: Tensor) -> Tensor:
        """(1, P) of a headset that has the shared adapters ``theta`` and none of its own."""
        out = self.start.clone()
        out[0, : len(theta)] = theta
        return out

    def take_up(self, row: int, theta: Tensor) -> None:
        """Headset ``row`` goes on with other shared adapters; what its own expert behind them has
        earned beyond its start, it earned with those that are gone."""
        mine = self.stack.theta[row, : len(theta)]
        if torch.equal(mine, theta):
            return
        mine.copy_(theta)
        for trust in self.headsets[row].expert_weights.values():
            trust.anew(ADAPTED)

    def common(self, row: int, task: str, asked: Sequence[TokenizedEpisode]) -> Tensor:
        """Log-probabilities (M, C) by the model that is everybody's: the sums of all, and the
        shared part of row ``row``'s adapters."""
        theta = self.start.clone()
        for name, value in shared_blocks(self.stack, self.stack.theta[row]).items():
            self.stack.view(name, theta).view(1, -1).copy_(value)
        logits = torch.stack(self._logits([(0, t) for t in asked], theta))
        weights = self.headsets[row].common_head(task)
        z = torch.stack(self.features(asked))
        return torch.log_softmax(self.mixing.head * logits + z @ weights, -1)

    def _logits(
        self, asked: Sequence[tuple[int, TokenizedEpisode]], theta: Tensor | None
    ) -> list[Tensor]:
        """The model's logits (C,) of the last ask of each ``(row, tokens)`` with theta[row], or as
        the checkpoint has it; rows with as many questions are answered in one pass."""
        plan, out = self.checkpoint.model.plan, [torch.zeros(0)] * len(asked)
        places: dict[int, list[int]] = {}
        for i, (row, _) in enumerate(asked):
            places.setdefault(row, []).append(i)
        for count in sorted({len(p) for p in places.values()}):
            rows = [row for row, p in places.items() if len(p) == count]
            batch = collate(
                [[_last(asked[i][1]) for i in places[row]] for row in rows],
                plan.tokens_of,
                plan.tasks,
            )
            found = (
                self.stack.generic(batch)
                if theta is None
                else self.stack.answers(batch, theta[rows])
            )
            for r, row in enumerate(rows):
                for b, i in enumerate(places[row]):
                    out[i] = found.logits[_task(asked[i][1])][r, b].cpu()
        return out

    def trust(self, row: int, task: str) -> Tensor:
        """(E,) how far each expert is believed in answers."""
        return self.headsets[row].expert_weights[task].weights(self.present(row, task))


def _task(tokens: TokenizedEpisode) -> str:
    return tokens.queries[-1].task


def _last(tokens: TokenizedEpisode) -> TokenizedEpisode:
    return (
        tokens
        if len(tokens.queries) == 1
        else TokenizedEpisode(tokens.token_features, tokens.queries[-1:])
    )
