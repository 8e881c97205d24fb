"""``rounds.jsonl``: one JSON object a round of each federation, for plots and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import fmean

from fedxr.experiments.study import Study


def write_rounds(studies: Iterable[tuple[int, Study]], path: Path) -> None:
    """All rounds of ``studies``, each with its seed, whole or not at all: what is finished is
    written anew, so that a resumed run has each round once."""
    draft = path.with_name(path.name + ".part")
    lines = (json.dumps(line) for seed, one in studies for line in round_lines(seed, one))
    draft.write_text("".join(f"{line}\n" for line in lines))
    draft.replace(path)


def round_lines(seed: int, study: Study) -> Iterator[dict[str, object]]:
    """``accuracy`` (in the metric of the set) and ``loss`` (nats) of the mixture on test questions,
    means over users; bytes by link, joules, seconds; who was awake and who was left out, why; and
    of each cluster its D2D exchanges Γ, spectral norm λ, whether they met the target, its
    representative, and the root mean square disagreement before and after."""
    for number, report in enumerate(study.reports):
        after = study.after[number] if number < len(study.after) else {}
        losses = study.losses[number] if number < len(study.losses) else {}
        yield {
            "seed": seed,
            "set": study.name,
            "federation": study.together or study.name,
            "round": report.number,
            "metric": study.metric,
            "accuracy": fmean(after.values()) if after else None,
            "loss": fmean(losses.values()) if losses else None,
            **report.totals(),
            "awake": list(report.awake),
            "drops": [
                {"headset": d.headset, "step": d.step, "cause": d.cause} for d in report.drops
            ],
            "clusters": [
                {
                    "members": list(one.members),
                    "gamma": one.rounds,
                    "lambda": one.norm,
                    "met": one.met,
                    "representative": one.representative,
                    "error_before": one.error_before,
                    "error_after": one.error_after,
                }
                for one in report.clusters
            ],
        }
