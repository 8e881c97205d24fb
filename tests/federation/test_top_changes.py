"""Changes of which the largest alone go up: packets, what is left, and whole rounds."""

from __future__ import annotations

import pytest
import torch
from test_rounds import BLOCKS, H, P, counts, fleet, learned
from torch import Tensor

from fedxr.federation import PacketError, Round, ServerState, StragglerDeadline, Updates, run_round
from fedxr.federation.codec import NUMBER_FORMATS, NumberFormat, packet_bytes
from fedxr.federation.top_changes import Change, Heard


def one(seed: int = 0) -> Updates:
    """One row, of which the last block has no weight."""
    return Updates(BLOCKS, learned(seed)[:1].float(), torch.tensor([[3.0, 2, 0]]))


def heard(answer: Tensor) -> Heard:
    found = Heard()
    found.hear(1, answer, ["h0"])
    return found


@pytest.mark.parametrize("codec", NUMBER_FORMATS)
@pytest.mark.parametrize("top", [0.02, 0.3, 1.0])
def test_a_packet_is_as_long_as_foretold_and_says_what_was_sent(
    codec: NumberFormat, top: float
) -> None:
    said, answer = one(), learned(1)[0].float()
    sent = heard(answer).send("h0", said, top, codec)
    assert sent is not None
    change, seen = sent
    data = change.to_bytes(codec)
    assert len(data) == change.packet_bytes(codec)
    back = Change.from_bytes(data, BLOCKS)
    assert torch.equal(back.where, change.where)
    assert torch.equal(back.weights, said.weights[0])
    assert back.since == 1
    again = answer.clone()
    again[back.where] += back.numbers
    assert torch.equal(again, seen)
    assert (seen != answer).sum() == len(change.where) == max(1, round(top * 20))
    if top < 0.1:
        assert len(data) < int(packet_bytes(BLOCKS, said.weights > 0, codec)[0])


def test_the_largest_changes_go_and_the_rest_is_sent_later() -> None:
    """Said again and again, everything arrives."""
    said, answer, memory = one(), torch.zeros(P), heard(torch.zeros(P))
    for n in range(1, 5):
        sent = memory.send("h0", said, 0.25, "float32")
        assert sent is not None
        change, seen = sent
        owed = memory.unsent["h0"]
        missing = (said.values[0] * n).masked_fill(torch.arange(P) >= 20, 0.0)
        answer = answer + (seen - memory.answers[1])
        # what has been said n times is what has come and what is owed
        torch.testing.assert_close(answer + owed, missing, atol=1e-5, rtol=0)
        left = owed[:20].abs()
        assert float(left.max()) <= float(change.numbers.abs().min()) + 1e-6
    assert bool((answer[:20] != 0).any())


def test_who_has_heard_nothing_sends_everything_and_old_answers_are_forgotten() -> None:
    memory = Heard()
    assert memory.send("h0", one(), 0.1, "float32") is None
    for number in range(1, 6):
        memory.hear(number, torch.zeros(P), ["h1"] if number > 1 else ["h0", "h1"])
    assert memory.answers.keys() == {1, 5}


def test_every_truncation_and_every_flipped_byte_is_refused_or_decodes() -> None:
    sent = heard(torch.zeros(P)).send("h0", one(), 0.2, "int8")
    assert sent is not None
    data = sent[0].to_bytes("int8")
    for cut in range(len(data)):
        with pytest.raises(PacketError):
            Change.from_bytes(data[:cut], BLOCKS)
    refused = 0
    for place in range(len(data)):
        bad = bytearray(data)
        bad[place] ^= 0xFF
        try:
            found = Change.from_bytes(bytes(bad), BLOCKS)
        except PacketError:
            refused += 1
        else:
            assert len(found.where) == len(found.numbers)
    assert refused > 4


def go(how: Round, rounds: int, forgetful: bool = False) -> tuple[Tensor, list[int]]:
    """Everybody goes ever smaller parts of the way to where it wants to be; bytes up by round."""
    goal, values, server, pace = learned(3), torch.zeros(H, P), ServerState(), StragglerDeadline()
    sent = []
    for number in range(1, rounds + 1):

        def adapt(awake: Tensor, _: bool, at: Tensor = values, n: int = number) -> Updates:
            return Updates(BLOCKS, (at + (goal - at) / (n + 1))[awake].float(), counts()[awake])

        values, report = run_round(how, fleet(), values.float(), adapt, number, pace, server)
        sent.append(sum(r.bytes for r in report.rows if r.link == "uplink"))
        if forgetful:
            server.heard.unsent.clear()
    return values[:, :12], sent


@pytest.mark.parametrize("coordination", ["centralized", "semi-decentralized"])
def test_rounds_reach_the_same_mean_at_fewer_bytes(coordination: str) -> None:
    how = Round(coordination=coordination, top=0.2)
    whole, all_bytes = go(Round(coordination=coordination), 60)
    few, few_bytes = go(how, 60)
    assert few_bytes[0] == all_bytes[0], "at first nobody has heard anything"
    assert max(few_bytes[1:]) < all_bytes[-1]
    off = float((whole - few).norm() / whole.norm())
    forgotten = float((whole - go(how, 60, forgetful=True)[0]).norm() / whole.norm())
    assert off < 0.1
    assert off < forgotten / 2, "what is left has to be remembered"


def test_top_needs_a_server() -> None:
    with pytest.raises(ValueError, match="'decentralized' has none"):
        Round(coordination="decentralized", top=0.1)
    with pytest.raises(ValueError, match="top 0"):
        Round(top=0)
