"""Users as the learning sees them: split, tokenised, standardised, halved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fedxr.agent.adaptation.headset_state import HeadsetIdentity
from fedxr.agent.encoders import encoder_for
from fedxr.agent.inputs.augment import augment
from fedxr.agent.inputs.normalization import Normalizer
from fedxr.agent.inputs.tokens import TokenizedEpisode, tokenize
from fedxr.agent.model.checkpoint import Population
from fedxr.agent.serving.history import looked_back_on
from fedxr.bridge.channels import Channel
from fedxr.learning.random_stream import stream
from fedxr.scenarios.users import User


@dataclass(frozen=True)
class Split:
    """Users of one domain (a recorded set, a simulated use case), by role; ``notes`` say who is
    left out of it, and what was read otherwise than it stands in the files."""

    name: str
    pretraining: tuple[User, ...]
    federation: tuple[User, ...]
    unseen: tuple[User, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TokenizedUser:
    """A user and their standardised tokens: one labelled ask each, in time order."""

    user: User
    adapt: tuple[TokenizedEpisode, ...]
    test: tuple[TokenizedEpisode, ...]

    def only(self, task: str) -> TokenizedUser:
        """This person, asked nothing but ``task``."""
        user = replace(self.user, tasks=(task,))
        adapt = tuple(t for t in self.adapt if t.queries[-1].task == task)
        return TokenizedUser(user, adapt, tuple(t for t in self.test if t.queries[-1].task == task))

    @property
    def identity(self) -> HeadsetIdentity:
        return HeadsetIdentity(
            f"{self.user.source}/{self.user.name}", self.user.channels, self.user.tasks
        )


def split_users(
    name: str,
    users: Sequence[User],
    seed: int,
    limit: int,
    more: Sequence[User] = (),
    notes: Sequence[str] = (),
) -> Split:
    """About 40 / 40 / 20 of ``users`` by seed, at least one each, at most ``limit`` a role.

    ``more`` are users from a second root: unseen, too. Raises ValueError below three users.
    """
    n = len(users)
    if n < 3:
        raise ValueError(
            f"{name}: {n} users; at least 3 are needed (pretraining, federation, unseen)"
            + "".join(f"; {note}" for note in notes)
        )
    order = [users[i] for i in stream(seed, "split", name).permutation(n)]
    a = max(1, min(round(0.4 * n), n - 2))
    b = max(1, min(round(0.4 * n), n - a - 1))
    unseen = [*order[a + b :][:limit], *more]
    members = tuple(order[a : a + b][:limit])
    return Split(name, tuple(order[:a]), members, tuple(unseen), tuple(notes))


def told_apart(splits: Sequence[Split]) -> list[Split]:
    """``splits`` whose people are called after their domain: in a federation of all of them nobody
    has somebody else's name, as the personas of two use cases have."""

    def renamed(split: Split, users: Sequence[User]) -> tuple[User, ...]:
        return tuple(replace(user, source=split.name) for user in users)

    return [
        replace(s, federation=renamed(s, s.federation), unseen=renamed(s, s.unseen)) for s in splits
    ]


def one_ask_each(tokens: TokenizedEpisode, channels: Sequence[Channel]) -> list[TokenizedEpisode]:
    """``tokens`` once per ask, each with what a live example of ``channels`` would have: what was
    known at that moment, and is not too old to matter."""
    slow = {c.layout for c in channels if encoder_for(c).shape(c).slow}
    return [
        replace(
            tokens,
            token_features=looked_back_on(tokens.token_features, ask.tick, slow),
            queries=(ask,),
        )
        for ask in tokens.queries
    ]


def raw_tokens(user: User) -> list[TokenizedEpisode]:
    """The user's episodes as tokens, not standardised."""
    return [tokenize(e, user.channels) for e in user.episodes]


def meet(
    user: User,
    population: Mapping[str, tuple[Tensor, Tensor]],
    everything: bool = False,
    raw: Sequence[TokenizedEpisode] | None = None,
) -> TokenizedUser:
    """Tokenise a user (unless ``raw`` is given) and standardise by their own adaptation half,
    unlabelled (pretraining users: by ``everything``)."""
    raw = raw_tokens(user) if raw is None else raw
    normal = _normal(population, [t for t in raw if t.adapt or everything])
    asked = [one for tokens in raw for one in one_ask_each(normal.apply(tokens), user.channels)]
    return TokenizedUser(
        user, tuple(t for t in asked if t.adapt), tuple(t for t in asked if not t.adapt)
    )


def _normal(
    population: Mapping[str, tuple[Tensor, Tensor]], seen: Sequence[TokenizedEpisode]
) -> Normalizer:
    normal = Normalizer({k: (a.numpy(), b.numpy()) for k, (a, b) in population.items()})
    for tokens in seen:
        normal.observe(tokens)
    return normal


def population_of(raw: Sequence[Sequence[TokenizedEpisode]]) -> Population:
    """Means and deviations of all users' ``raw`` tokens, where a user's standardisation starts."""
    normal = _normal({}, [tokens for user in raw for tokens in user])
    out: Population = {}
    for key, moments in normal.own.items():
        mean, deviation = moments.mean_and_deviation()
        out[key] = (torch.from_numpy(mean), torch.from_numpy(deviation))
    return out


def copies_of(
    user: User, raw: Sequence[TokenizedEpisode], population: Population, count: int, seed: int
) -> list[TokenizedEpisode]:
    """``count`` augmented recordings of each of the user's episodes, standardised as ``raw``."""
    normal = _normal(population, raw)
    out = []
    for episode in user.episodes:
        for k in range(count):
            rng = stream(seed, "augment", user.source, user.name, episode.key, k)
            changed = augment(episode, user.channels, rng)
            out += one_ask_each(normal.apply(tokenize(changed, user.channels)), user.channels)
    return out
