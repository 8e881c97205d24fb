"""Semi-decentralised federated learning over named blocks of flat vectors.

A library of its own: it knows torch tensors, not models. Hand :func:`run_round` a function that
adapts headsets locally; it does the rest of the round: clusters, device-to-device consensus,
representatives, the server's average over owners, broadcast, and the ledger of what that cost.
See docs/federation.md.
"""

from fedxr.federation.blocks import Block, Blocks, Effort, Factors, Updates
from fedxr.federation.codec import PacketError, from_bytes, to_bytes
from fedxr.federation.config import Round
from fedxr.federation.consensus import Consensus
from fedxr.federation.coordination import COORDINATIONS, Coordination
from fedxr.federation.network import Headset, StragglerDeadline
from fedxr.federation.report import ClusterReport, Drop, RoundReport
from fedxr.federation.rounds import Adapt, run_round
from fedxr.federation.rules import AGGREGATIONS, AggregationRule
from fedxr.federation.server_optimizer import ServerOptimizer, ServerState
from fedxr.federation.shared_sums import SharedSums
from fedxr.federation.topology import Topology

__all__ = [
    "AGGREGATIONS",
    "COORDINATIONS",
    "Adapt",
    "AggregationRule",
    "Block",
    "Blocks",
    "ClusterReport",
    "Consensus",
    "Coordination",
    "Drop",
    "Effort",
    "Factors",
    "Headset",
    "StragglerDeadline",
    "PacketError",
    "Round",
    "RoundReport",
    "ServerOptimizer",
    "ServerState",
    "SharedSums",
    "Topology",
    "Updates",
    "from_bytes",
    "run_round",
    "to_bytes",
]
