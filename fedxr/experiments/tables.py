"""From studies to the rows, rounds and sums of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import msgspec
import numpy as np

from fedxr.agent.tasks import task_named
from fedxr.evaluation.intervals import over_users
from fedxr.evaluation.label_curves import Measured, mean_curves, role_of
from fedxr.evaluation.result import Cluster, Cost, LabelCurves, Round, Row, Traffic, score
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
                classes=list(task_named(first.task).classes),
                confusion=_confusion(studies, "unseen" if unseen else "federation"),
                costs={} if unseen else _costs(studies[-1]),
            )
        )
    return rows


def _confusion(studies: Sequence[Study], role: str) -> dict[str, list[list[int]]]:
    """Answers over the seeds, by arm."""
    said = [one.confusion.get(role, {}) for one in studies]
    counts = {arm: sum(one[arm] for one in said if arm in one) for arm in said[0]}
    return {arm: np.asarray(some).tolist() for arm, some in counts.items()}


def _costs(one: Study) -> dict[str, Cost]:
    """What the arms cost of which that is known."""
    out = {"local": Cost()}
    arms = {"federated": one.reports, "federated_personalised": one.reports, "pooled": one.pooled}
    for arm, reports in arms.items():
        if reports:
            spent = total([row for r in reports for row in r.rows])
            out[arm] = Cost(bytes=spent.bytes, joules=spent.joules)
    return out


def means_of(one: Study) -> dict[str, float]:
    """Each arm's mean over users, as ``accuracy.<arm>``, those of unseen users after ``unseen.``"""
    out = {}
    for prefix, scores in (("", one.federation), ("unseen.", one.unseen)):
        for arm, users in scores.items():
            if users:
                out[f"{prefix}accuracy.{arm}"] = fmean(users.values())
    return out


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


def headline_of(one: ColdStudy) -> dict[str, float]:
    """By role, the mean of each arm where all labels there are were told, over users and draws."""
    out: dict[str, list[float]] = {}
    for point in one.points:
        if point.labels is None:
            for role, arms in point.figures.items():
                for arm, users in arms.items():
                    out.setdefault(f"{role}.{arm}", []).extend(users.values())
    return {name: fmean(some) for name, some in out.items() if some}


def measured(one: ColdStudy, role: str) -> Measured:
    """The figures of one role by arm, labels a class and draw."""
    arms: dict[str, dict[int | None, list[dict[str, float]]]] = {}
    for point in one.points:
        for arm, figures in point.figures[role].items():
            if figures:
                arms.setdefault(arm, {}).setdefault(point.labels, []).append(figures)
    return Measured(one.name.split("/")[0], arms, one.windows[role])


def reports_of(studies: Sequence[Study]) -> list[RoundReport]:
    """The rounds of all federations, of one that has several parts once."""
    told = {one.together or one.name: one.reports for one in studies}
    return [report for reports in told.values() for report in reports]


def traffic_of(reports: Sequence[RoundReport]) -> Traffic:
    """Bytes of all rounds by kind of link."""
    rows = [row for r in reports for row in r.rows]
    return Traffic(
        up=total(rows, "uplink").bytes,
        down=total(rows, "downlink").bytes,
        d2d=total(rows, "d2d").bytes,
    )


def joules_of(reports: Sequence[RoundReport]) -> float:
    """Energy of all learning and sending."""
    return total([row for r in reports for row in r.rows]).joules


def rounds_of(studies: Sequence[Study]) -> list[Round]:
    """Every round of every study, numbered through."""
    out: list[Round] = []
    for one in studies:
        for i, report in enumerate(one.reports):
            users = one.after[i] if i < len(one.after) else {}
            found = _round(report, len(out), one.name, users)
            out.append(msgspec.structs.replace(found, federation=one.together))
    return out


def _round(report: RoundReport, number: int, name: str, users: Mapping[str, float]) -> Round:
    """A round of the set ``name``, after which its ``users`` had these figures."""
    low, high = over_users([users]) or (None, None)
    spent = total(report.rows)
    return Round(
        number=number,
        seconds=report.seconds,
        clusters=[
            Cluster(
                members=list(c.members),
                representative=c.representative,
                gamma=c.rounds,
                lambda2=c.norm,
            )
            for c in report.clusters
        ],
        joules=spent.joules,
        late=sum("deadline" in d.cause or "late" in d.cause for d in report.drops),
        accuracy=fmean(users.values()) if users else None,
        low=low,
        high=high,
        row=name,
        bytes=spent.bytes,
    )
