"""From studies to the rows, rounds and sums of a result."""

from __future__ import annotations

from collections.abc import Sequence

from fedxr.agent.tasks import task_named
from fedxr.evaluation.label_curves import Measured, mean_curves, role_of
from fedxr.evaluation.result import Cluster, LabelCurves, Round, Row, Traffic, score
from fedxr.experiments.cold import ROLES, ColdStudy
from fedxr.experiments.study import Study
from fedxr.federation import RoundReport
from fedxr.federation.ledger import total


def rows_of(by_seed: Sequence[Sequence[Study]], unseen: bool) -> list[Row]:
    """A row a domain, over the seeds in which it was run."""
    names: dict[str, list[Study]] = {}
    for studies in by_seed:
        for one in studies:
            names.setdefault(one.name, []).append(one)
    rows = []
    for name, studies in names.items():
        scores = [s.unseen if unseen else s.federation for s in studies]
        arms = {a for s in scores for a, users in s.items() if users}
        if not arms:
            continue
        first = studies[0]
        windows = [s.unseen_windows if unseen else s.windows for s in studies]
        rows.append(
            Row(
                name=name,
                task=first.task,
                metric=first.metric,
                chance=1 / len(task_named(first.task).classes),
                test_windows=round(sum(windows) / len(windows)),
                users=round(sum(len(s["generic"]) for s in scores) / len(scores)),
                arms={a: score([s[a] for s in scores]) for a in sorted(arms)},
                halves=first.halves,
                classical=first.unseen_kinds if unseen else first.kinds,
            )
        )
    return rows


def curves_of(studies: Sequence[ColdStudy]) -> list[LabelCurves]:
    """The curves of each study; where there are several, their mean at the end."""
    out, sets = [], {role: [measured(s, role) for s in studies] for role in ROLES}
    for i, one in enumerate(studies):
        out.append(
            LabelCurves(
                name=one.name,
                task=one.task,
                metric=one.metric,
                chance=1 / len(task_named(one.task).classes),
                roles={role: role_of([sets[role][i]]) for role in ROLES},
                halves=one.halves,
            )
        )
    return [*out, mean_curves(out, sets)] if len(out) > 1 else out


def measured(one: ColdStudy, role: str) -> Measured:
    """The figures of one role by arm, labels a class and draw."""
    arms: dict[str, dict[int | None, list[dict[str, float]]]] = {}
    for point in one.points:
        for arm, figures in point.figures[role].items():
            if figures:
                arms.setdefault(arm, {}).setdefault(point.labels, []).append(figures)
    return Measured(one.name.split("/")[0], arms, one.windows[role])


def traffic_of(reports: Sequence[RoundReport]) -> Traffic:
    """Bytes of all rounds by kind of link."""
    rows = [row for r in reports for row in r.rows]
    return Traffic(
        up=total(rows, "uplink").bytes,
        down=total(rows, "downlink").bytes,
        d2d=total(rows, "d2d").bytes,
    )


def joules_of(reports: Sequence[RoundReport]) -> float:
    """Energy of all transmissions."""
    return total([row for r in reports for row in r.rows]).joules


def rounds_of(studies: Sequence[Study]) -> list[Round]:
    """Every round of every study, numbered through."""
    out: list[Round] = []
    for report in [r for s in studies for r in s.reports]:
        clusters = [
            Cluster(
                members=list(c.members),
                representative=c.representative,
                gamma=c.rounds,
                lambda2=c.norm,
            )
            for c in report.clusters
        ]
        late = sum("deadline" in d.cause or "late" in d.cause for d in report.drops)
        out.append(
            Round(
                number=len(out),
                seconds=report.seconds,
                clusters=clusters,
                joules=total(report.rows).joules,
                late=late,
            )
        )
    return out
