"""One device-to-device mixing round: 64 headsets x 100,000 parameters, side by side.

    python benchmarks/gossip.py [--repeats 21]

Ours: `fedxr.federation.consensus.mix`, one product of the mixing matrix with all rows. Against it
what a simulator does that keeps a dict of tensors per node: each node loops over its neighbours and
adds up weighted tensors (written here after decentralizepy's way, not its code). `arrived` finds
its neighbours' dicts in memory; `pickled` unpacks each neighbour's message. All give the same
numbers (checked here), but those of ours that round what is sent. One thread each; the runs
alternate, so that a busy machine slows them all; medians."""

from __future__ import annotations

import argparse
import pickle
import statistics
import time
from collections.abc import Callable

import torch

from fedxr.federation import Block, Blocks, Updates
from fedxr.federation.consensus import mix
from fedxr.federation.topology import k_regular, metropolis, spectral_norm

HEADSETS, TENSORS, PER_TENSOR, DEGREE = 64, 24, 4096, 13
State = dict[str, torch.Tensor]


def arrived(states: list[State], v: torch.Tensor, near: list[list[int]]) -> list[State]:
    """Our own loop over nodes, links and tensors, as in decentralizepy's `Sharing._averaging`."""
    mixed = []
    for i, own in enumerate(states):
        total = {name: tensor * v[i, i] for name, tensor in own.items()}
        for j in near[i]:
            for name, tensor in states[j].items():
                total[name] += v[i, j] * tensor
        mixed.append(total)
    return mixed


def pickled(states: list[State], v: torch.Tensor, near: list[list[int]]) -> list[State]:
    """The same with every neighbour's state packed once and unpacked by each receiver."""
    sent = [pickle.dumps({k: t.numpy() for k, t in state.items()}) for state in states]
    mixed = []
    for i, own in enumerate(states):
        total = {name: tensor * v[i, i] for name, tensor in own.items()}
        for j in near[i]:
            for name, array in pickle.loads(sent[j]).items():  # noqa: S301 - our own bytes
                total[name] += v[i, j] * torch.from_numpy(array)
        mixed.append(total)
    return mixed


def milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=21, help="alternating runs of each")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    size = TENSORS * PER_TENSOR
    blocks = Blocks(
        tuple(
            Block(f"layer{k}", k * PER_TENSOR, (k + 1) * PER_TENSOR, "lora_B")
            for k in range(TENSORS)
        )
    )
    values = torch.randn(HEADSETS, size, generator=torch.Generator().manual_seed(0))
    updates = Updates(blocks, values, torch.ones(HEADSETS, TENSORS))
    links = k_regular(HEADSETS, DEGREE, seed=0)
    v = metropolis(links)
    v32, near = v.float(), [row.nonzero().flatten().tolist() for row in links]
    states = [{b.name: row[b.columns].clone() for b in blocks} for row in values]

    ours = mix(v, updates, 1).values
    theirs = torch.stack([torch.cat(list(s.values())) for s in arrived(states, v32, near)])
    difference = float((ours - theirs).abs().max())
    if difference > 1e-5:
        raise SystemExit(f"the two do not agree: they differ by {difference}")
    calls = {
        "ours (matrix product)": lambda: mix(v, updates, 1),
        "ours, bf16 wire": lambda: mix(v, updates, 1, "bf16"),
        "ours, int8 wire": lambda: mix(v, updates, 1, "int8"),
        "dict loop, arrived": lambda: arrived(states, v32, near),
        "dict loop, pickled": lambda: pickled(states, v32, near),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            times[name].append(milliseconds(call))
    print(
        f"one mixing round, {HEADSETS} headsets x {size} parameters, "
        f"{int(links.sum()) // 2} links, norm {spectral_norm(v):.3f}, float32, 1 thread, "
        f"median of {repeats} alternating runs; largest difference {difference:.1e}"
    )
    best = statistics.median(times["ours (matrix product)"])
    for name, each in times.items():
        median = statistics.median(each)
        print(f"  {name:<24}{median:9.2f} ms   {median / best:6.1f} x ours")


if __name__ == "__main__":
    main()
