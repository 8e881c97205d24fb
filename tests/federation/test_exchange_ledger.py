"""Exactness of the exchange, and bytes, seconds and joules counted by hand."""

from __future__ import annotations

import pytest
import torch
from tolerance import rounding

from fedxr.federation import (
    Block,
    Blocks,
    Consensus,
    Effort,
    Headset,
    Round,
    RoundReport,
    StragglerDeadline,
    Topology,
    Updates,
    run_round,
    to_bytes,
)
from fedxr.federation.consensus import mix
from fedxr.federation.exchange import exchanged, select
from fedxr.federation.ledger import total
from fedxr.federation.network import D2D, UPLINK
from fedxr.federation.topology import metropolis, ring

OUT, RANK, IN, H = 6, 2, 5, 4
LORA = Blocks((Block("A", 0, RANK * IN, "lora_A"), Block("B", 10, 10 + OUT * RANK, "lora_B")))


def factors(shared: bool) -> torch.Tensor:
    x = torch.randn(H, 22, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    if shared:
        x[:, :10] = x[0, :10]
    return x


def delta(row: torch.Tensor) -> torch.Tensor:
    return row[10:].view(OUT, RANK) @ row[:10].view(RANK, IN)


def test_ffa_is_exact_under_any_mix_and_naive_is_not() -> None:
    v = metropolis(ring(H))
    weights = torch.tensor([[3.0], [1.0], [7.0], [2.0]]).expand(H, 2)
    for rounds in (1, 2, 5):
        power = torch.linalg.matrix_power(v, rounds)
        shares = power * weights[:, 0] / (power @ weights[:, 0].double())[:, None]
        error = {}
        for rule, shared in (("ffa", True), ("naive", False)):
            x = factors(shared)
            travels = select(Updates(LORA, x, weights), rule)
            mixed = mix(v, travels, rounds).values
            if rule == "ffa":
                mixed[:, :10] = x[:, :10]  # A has stayed at home
            # what should come out: the mix of the dense products, the dumb way
            dense = [sum(shares[i, j] * delta(x[j]) for j in range(H)) for i in range(H)]
            error[rule] = max(float((delta(mixed[i]) - dense[i]).norm()) for i in range(H))
        size = H * float(x.abs().max()) ** 2
        assert error["ffa"] < rounding(torch.float64, RANK * H, size, layers=rounds) * OUT * IN
        assert error["naive"] > 0.1


def test_ffa_keeps_a_at_home_and_notices_when_it_is_not_shared() -> None:
    assert exchanged(LORA, "ffa").tolist() == [False, True]
    assert exchanged(LORA, "naive").tolist() == [True, True]
    weights = torch.ones(H, 2)
    assert select(Updates(LORA, factors(True), weights), "ffa").weights.sum(0).tolist() == [0, H]
    with pytest.raises(ValueError, match=r"block 'A' .* differs between headsets"):
        select(Updates(LORA, factors(False), weights), "ffa")
    assert exchanged(LORA, "fedsa").tolist() == [True, False]
    assert select(Updates(LORA, factors(False), weights), "fedsa").weights.sum(0).tolist() == [H, 0]
    with pytest.raises(ValueError, match="unknown exchange 'flora'"):
        exchanged(LORA, "flora")


def one_round(
    config: Round, headsets: list[Headset], weights: torch.Tensor, effort: Effort | None
) -> tuple[torch.Tensor, RoundReport]:
    x = factors(True).float()

    def adapt(awake: torch.Tensor, union: bool) -> Updates:
        # every headset owns both factors, also one that has no sample for them
        return Updates(LORA, x, weights, weights >= 0, effort)

    return x, run_round(config, headsets, x, adapt, 0, StragglerDeadline())[1]


def test_ledger_equals_the_sum_by_hand() -> None:
    headsets = [Headset(f"h{i}", battery=1 - i / 10) for i in range(H)]
    config = Round(topology=Topology(cluster_size=H, graph="ring"), consensus=Consensus(0.01))
    effort = Effort(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.full((H,), 5.0))
    weights = torch.ones(H, 2)
    x, report = one_round(config, headsets, weights, effort)
    gamma = report.clusters[0].rounds
    assert gamma > 0
    # a message: B alone, as really encoded
    sent = Updates(LORA, x, weights * torch.tensor([0, 1]))
    size = len(to_bytes(sent, 0))
    d2d, up, down = (total(report.rows, link) for link in ("d2d", "uplink", "downlink"))
    links = 2 * H  # a ring of H has H links, each used both ways
    assert (d2d.messages, d2d.bytes) == (gamma * links, gamma * links * size)
    assert (up.messages, up.bytes) == (1, size)
    assert (down.messages, down.bytes) == (H, H * size)
    # 0.25 s a transfer; 10 mW between headsets, 24 dBm = 10^2.4 mW up, nothing for listening
    assert D2D.watts == 0.010
    assert pytest.approx(0.2512, abs=1e-4) == UPLINK.watts
    assert d2d.joules == pytest.approx(gamma * links * 0.25 * 0.010)
    assert up.joules == pytest.approx(0.25 * 10**2.4 / 1000)
    assert down.joules == 0
    assert total(report.rows, "compute").joules == pytest.approx(20.0)
    assert total(report.rows).bytes == d2d.bytes + up.bytes + down.bytes
    # by the clock: slowest adaptation, gamma exchanges, uplink, broadcast
    assert report.seconds == pytest.approx(4.0 + gamma * 0.25 + 0.25 + 0.25)
    assert sum(row.bytes for row in report.rows if row.sender == "h0") == 2 * gamma * size + size
    assert report.as_dict()["deadline_s"] is None


def test_rates_replace_the_yardstick_and_the_slower_side_decides() -> None:
    headsets = [
        Headset("h0", d2d_bytes_per_s=1000.0, server_bytes_per_s=500.0),
        Headset("h1", d2d_bytes_per_s=100.0, battery=0.5),
        Headset("h2", battery=0.5),
        Headset("h3", battery=0.5),
    ]
    config = Round(topology=Topology(cluster_size=H), consensus=Consensus(0.5), codec="bf16")
    x, report = one_round(config, headsets, torch.ones(H, 2), None)
    sent = Updates(LORA, x, torch.tensor([[0.0, 1.0]]).expand(H, 2))
    size = len(to_bytes(sent, 0, "bf16"))
    assert report.clusters[0].rounds == 1  # complete: one exchange is exact
    seconds = {(r.sender, r.receiver): r.seconds for r in report.rows}
    assert seconds["h0", "h1"] == pytest.approx(size / 100)
    assert seconds["h0", "h2"] == pytest.approx(size / 1000)
    assert seconds["h2", "h3"] == 0.25
    assert seconds["h0", "server"] == pytest.approx(size / 500)


def test_relayed_blocks_are_counted_from_when_they_are_carried() -> None:
    # only h0 has B: in the first exchange the others send a bare header
    headsets = [Headset(f"h{i}") for i in range(H)]
    topology = Topology(cluster_size=H, graph="ring")
    config = Round(topology=topology, consensus=Consensus(0.5, 0.01), coordination="decentralized")
    weights = torch.tensor([[0.0, 4.0]] + [[0.0, 0.0]] * 3)
    x, report = one_round(config, headsets, weights, None)
    full = len(to_bytes(Updates(LORA, x, torch.tensor([[0.0, 1.0]]).expand(H, 2)), 0))
    bare = full - 12 * 4  # B has 12 numbers of 4 bytes
    gamma = report.clusters[0].rounds
    assert gamma >= 3
    sent = dict.fromkeys(("h0", "h1", "h2", "h3"), 0)
    for row in report.rows:
        sent[row.sender] += row.bytes
    # h1 and h3 hear of it in exchange 1, h2 in exchange 2; each sends to two neighbours
    assert sent["h0"] == 2 * gamma * full
    assert sent["h1"] == sent["h3"] == 2 * (bare + (gamma - 1) * full)
    assert sent["h2"] == 2 * (2 * bare + (gamma - 2) * full)


def test_pooled_counts_the_raw_samples() -> None:
    headsets = [Headset(f"h{i}") for i in range(H)]
    raw = torch.tensor([100, 200, 300, 400])
    effort = Effort(torch.zeros(H), torch.zeros(H), raw)
    x, report = one_round(Round(coordination="pooled"), headsets, torch.ones(H, 2), effort)
    assert total(report.rows, "uplink").bytes == 1000
    # back comes the whole model, A too
    model = len(to_bytes(Updates(LORA, x, torch.ones(H, 2)), 0))
    assert total(report.rows, "downlink").bytes == H * model
