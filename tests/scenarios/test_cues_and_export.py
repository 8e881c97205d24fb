from __future__ import annotations

import json
import math
import re

import pytest

from fedxr.agent.tasks import METRICS, TASKS, USE_CASES, CueRule, Task
from fedxr.evaluation.baselines import METRICS as FIGURES
from fedxr.scenarios.cues import Cues
from fedxr.scenarios.devices import DEVICES
from fedxr.scenarios.export import definition

LOW, MEDIUM, HIGH = [0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]


def test_every_task_of_ours_has_cues() -> None:
    assert all(task.cues for task in TASKS.values())
    assert set(METRICS) == set(FIGURES)


def test_a_task_without_a_rule_is_answered_and_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = Task("quiet", "companion", ("no", "yes"), ("motion",), 200)
    monkeypatch.setitem(TASKS, "quiet", quiet)
    assert all(Cues()("quiet", [0.0, 1.0], 1.0) is None for _ in range(5))
    told = definition("companion")
    assert "quiet" in [task["name"] for task in told["tasks"]]  # type: ignore[attr-defined]
    assert "quiet" not in told["cues"]  # type: ignore[operator]


YES = {"yes": ("hint", {"text": "yes"})}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "a|b"}, "give it a name of 1 to 64 characters, none of"),
        ({"use_case": "Sports!"}, "use case 'Sports!'; take overlays, neuroadaptive"),
        ({"classes": ("yes",)}, "classes yes; give two or more, each once"),
        ({"classes": ("yes", "yes")}, "classes yes, yes; give two or more"),
        ({"modalities": ()}, "no modalities; name those"),
        ({"deadline_ms": 0}, "deadline_ms 0, pretraining 1; both are above 0"),
        ({"metric": "recall"}, "metric 'recall'; known are accuracy, balanced accuracy"),
        ({"cues": CueRule({"perhaps": ("hint", {})})}, "cues of perhaps; its classes are no, yes"),
    ],
)
def test_a_task_that_cannot_be_says_why(change: dict[str, object], why: str) -> None:
    fine = {"name": "q", "use_case": "companion", "classes": ("no", "yes"),
            "modalities": ("motion",), "deadline_ms": 200.0, "cues": CueRule(YES)}  # fmt: skip
    Task(**fine)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=re.escape(why)):
        Task(**{**fine, **change})  # type: ignore[arg-type]


def test_a_rule_that_cannot_be_says_why() -> None:
    with pytest.raises(ValueError, match="'yes' asks for the act 'shout'; allowed are label, hint"):
        CueRule({"yes": ("shout", {})})
    with pytest.raises(ValueError, match="'text' is None; give text, a number or a boolean"):
        CueRule({"yes": ("hint", {"text": None})})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"enter 0.3, leave 0.4, .*; allowed are"):
        CueRule(YES, enter=0.3)


def test_a_cue_begins_after_agreeing_answers_and_is_told_once() -> None:
    cues = Cues()
    told = [cues("workload", HIGH, confidence=0.9) for _ in range(5)]
    assert [cue is not None for cue in told] == [False, False, True, False, False]  # agree = 3
    cue = told[2]
    assert cue is not None
    assert (cue.act, cue.payload["speed"]) == ("pace", 0.5)
    assert json.loads(json.dumps(cue.as_json()))["task"] == "workload"


def test_unsure_or_untrusted_answers_are_silent() -> None:
    cues = Cues()
    assert all(cues("workload", [0.2, 0.35, 0.45], 0.9) is None for _ in range(10))
    assert all(cues("workload", HIGH, confidence=0.3) is None for _ in range(10))
    assert all(cues("workload", LOW, confidence=0.9) is None for _ in range(10))  # asks for nothing


def test_a_wavering_answer_keeps_the_cue_and_a_lost_one_clears_it() -> None:
    cues = Cues()
    for _ in range(3):
        cues("workload", HIGH, 0.9)
    assert cues("workload", [0.1, 0.45, 0.45], 0.9) is None  # 0.45 lies between leave and enter
    gone = cues("workload", LOW, 0.9)
    assert gone is not None
    assert gone.act == "clear"
    assert cues("workload", LOW, 0.9) is None


def test_alternating_answers_never_begin_a_cue() -> None:
    cues = Cues()
    assert all(cues("workload", p, 0.9) is None for _ in range(5) for p in (HIGH, MEDIUM))


def test_tasks_do_not_disturb_each_other() -> None:
    cues = Cues()
    assert cues("tension", [0.1, 0.9], 0.9) is None
    assert cues("engagement", [0.1, 0.8, 0.1], 0.9) is None
    assert cues("tension", [0.1, 0.9], 0.9) is not None


def test_a_wrong_number_of_probabilities_is_refused() -> None:
    with pytest.raises(ValueError, match="task tension: 3 probabilities; 2 due"):
        Cues()("tension", HIGH, 0.9)


@pytest.mark.parametrize("use_case", USE_CASES)
def test_definition_is_json_and_complete(use_case: str) -> None:
    told = definition(use_case)
    assert json.loads(json.dumps(told)) == told  # JSON types only: nothing changes on the way
    assert isinstance(told["tasks"], list)
    assert isinstance(told["devices"], list)
    assert isinstance(told["cues"], dict)
    assert {t["name"] for t in told["tasks"]} == set(told["cues"])
    assert {d["name"] for d in told["devices"]} == {
        d.name for d in DEVICES.values() if d.use_case == use_case
    }


def test_a_typical_person_has_the_models_of_the_world() -> None:
    """Their numbers as the worlds' functions give them, without leanings and accidents."""
    person = definition("neuroadaptive")["person"]
    assert isinstance(person, dict)
    assert set(person) == {"eeg", "hand", "gaze"}
    assert person["eeg"]["flicker_hz"] == [0.0, 13.0, 17.0, 21.0]
    # 5 uV exp(-0.38 x level), at level -1.3, 0 and 1.3 (liveliness 1.3)
    due = [5 * math.exp(-0.38 * 1.3 * load) for load in (-1, 0, 1)]
    assert person["eeg"]["alpha_uv"] == pytest.approx(due)
    body = definition("storytelling")["person"]
    assert isinstance(body, dict)
    # 0.22 a second exp(0.75 x organ x tension), organ 0.5 x 1.3
    rate = body["eda"]["responses_hz"]
    due = [0.22 * math.exp(0.75 * 0.65 * tension) for tension in (-1, 1)]
    assert rate["by_tension"] == pytest.approx(due)
    assert rate["by_engagement"] == pytest.approx([1, math.exp(0.35), math.exp(-0.35)])


def test_energy_of_an_inference_follows_the_computer_and_the_size() -> None:
    # 2 operations x 1e6 parameters x 8 tokens x 8 pJ = 128 uJ on a mobile computer
    assert DEVICES["quest-3"].joules_per_inference("tiny") == pytest.approx(128e-6)
    assert DEVICES["quest-3"].joules_per_inference("base") == pytest.approx(1.28e-3)
    with pytest.raises(ValueError, match="unknown size 'huge'; known are tiny, small, base"):
        DEVICES["quest-3"].joules_per_inference("huge")
