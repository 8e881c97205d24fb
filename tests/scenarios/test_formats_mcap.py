"""Our own recordings as data sets: who is a user, which moments have a label, what damage costs.

That they give what the live server counts: tests/fedxr/test_learn_from_recordings.py."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_recordings import WRIST, MadeSession, write_recording

from fedxr.agent.inputs.tokens import tick_of
from fedxr.agent.tasks import Episode, Query
from fedxr.bridge.channels import Channel
from fedxr.scenarios.recorded.formats import heard, mcap
from fedxr.scenarios.recorded.formats.halving import halved
from fedxr.scenarios.users import DataError, User, Users


def read(folder: Path) -> Users:
    """The users of the one set in ``folder``."""
    (known,) = mcap.sets(folder)
    return known.load(folder)


def asked(user: User) -> list[tuple[float, int, bool]]:
    """(second, label, whether to learn from it) of each question."""
    return [(q.t_us / 1e6, q.label, e.adapt) for e in user.episodes for q in e.queries]


def labels(user: User) -> list[int]:
    return [label for _, label, _ in asked(user)]


def talker(user: str = "ann", **more: object) -> MadeSession:
    """Twelve seconds, with a label after each of the first ten."""
    made = MadeSession(user, **more)  # type: ignore[arg-type]
    for second in range(10):
        made.live(1).say(second + 0.5, second % 5)
    return made.live(2)


def test_a_moment_has_the_label_that_was_said_last(tmp_path: Path) -> None:
    made = talker()
    made.say(0.5, 4, "correction").say(1.5, 1).say(2.5, 0, "undo").say(3.5, 7, "rating")
    made.say(4.5, 99).say(60.0, 1)  # no class, and a moment that is still to come
    write_recording(tmp_path / "r.mcap", [made])
    (user,) = users = read(tmp_path)
    assert labels(user) == [4, 1, 3, 4, 0, 1, 2, 3, 4]
    # A moment is the tick of what was said: its end is asked, in which the instant is known.
    assert tick_of(user.episodes[0].queries[0].t_us) == tick_of(500_000)
    assert users.notes == (
        "ann/watch: 1 labels of doing are beyond its 5 classes",
        "ann/watch: 1 labels are of a moment that no frame had closed, or of 65 s before",
    )


def test_labels_come_65_s_late_and_no_later(tmp_path: Path) -> None:
    made = talker().live(heard.LATE // 30)
    made.say(11.99, 2).say(11.9, 2)
    write_recording(tmp_path / "r.mcap", [made])
    (user,) = read(tmp_path)
    assert labels(user)[10:] == [2]


def test_time_is_halved_between_episodes_where_it_can_be(tmp_path: Path) -> None:
    made = talker()
    for second in range(12, 18):
        made.live(1, episode=1).say(second + 0.5, 0, episode=1)
    write_recording(tmp_path / "r.mcap", [made])
    (user,) = read(tmp_path)
    assert [e.adapt for e in user.episodes] == [True, False]
    assert [len(e.queries) for e in user.episodes] == [10, 6]


def test_one_episode_is_cut_in_the_middle_and_its_context_starts_anew(tmp_path: Path) -> None:
    write_recording(tmp_path / "r.mcap", [talker()])
    (user,) = read(tmp_path)
    earlier, later = user.episodes
    assert (earlier.adapt, later.adapt) == (True, False)
    assert len(earlier.queries) == len(later.queries) == 5
    assert labels(user) == [0, 1, 2, 3, 4] * 2
    end_us = earlier.queries[-1].t_us
    assert earlier.samples["wrist"].t_us[-1] < end_us
    assert later.samples["wrist"].t_us[0] in range(10_000)
    assert later.queries[-1].t_us + end_us == pytest.approx(9.5e6, abs=33_334)


def test_halves_are_cut_at_a_label_where_episodes_are_uneven() -> None:
    user = _user_of(1, 9)
    parts = list(halved(user.episodes))
    # 10 labels: a cut after the first episode would leave one to learn from
    assert [(len(p.queries), p.adapt) for p in parts] == [(1, True), (4, True), (5, False)]


def _user_of(*counts: int) -> User:

    episodes = tuple(
        Episode(
            str(n), {}, tuple(Query("doing", 10**6 * (i + 1), 0) for i in range(count)), True, 9
        )
        for n, count in enumerate(counts)
    )
    return User("s", "u", "companion", (WRIST,), ("doing",), episodes)


def test_users_are_told_apart_by_key_in_a_file_and_by_name_over_files(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.mcap", [talker("ann"), talker("bob", key=b"b")])
    write_recording(tmp_path / "b.mcap", [talker("ann", key=b"z"), talker("eve", key=b"e")])
    write_recording(tmp_path / "c.mcap", [talker("eve", key=b"1"), talker("eve", key=b"2")])
    users = {user.name: user for user in read(tmp_path)}
    assert set(users) == {
        "ann/watch", "bob/watch", "eve/watch",
        "eve/watch (1 in c.mcap)", "eve/watch (2 in c.mcap)",
    }  # fmt: skip
    assert len(asked(users["ann/watch"])) == 2 * len(asked(users["bob/watch"])) == 20


def test_sessions_are_in_the_order_in_which_they_were_lived(tmp_path: Path) -> None:
    write_recording(tmp_path / "friday.mcap", [talker(began_us=10**15)])
    write_recording(tmp_path / "monday.mcap", [talker()])
    (user,) = read(tmp_path)
    halves = [(e.key.partition("/")[0], e.adapt) for e in user.episodes]
    assert halves == [("monday", True), ("friday", False)]


def test_a_copy_of_a_recording_counts_once(tmp_path: Path) -> None:
    """Else the same moments would be learned from and tested on."""
    write_recording(tmp_path / "r.mcap", [talker()])
    (once,) = read(tmp_path)
    shutil.copy(tmp_path / "r.mcap", tmp_path / "s.mcap")
    (user,) = users = read(tmp_path)
    assert asked(user) == asked(once)
    assert "s.mcap: session 1 of ann is in r.mcap, too, and counts once" in users.said


def test_a_set_for_each_scenario(tmp_path: Path) -> None:
    sessions = [talker("ann"), talker("bob", key=b"b", scenario="Our Factory 7")]
    write_recording(tmp_path / "mine" / "r.mcap", sessions)
    names = {s.name: (s.use_case, s.task) for s in mcap.sets(tmp_path / "mine")}
    assert names == {
        "mine-companion": ("companion", "doing"),
        "mine-our-factory-7": ("our-factory-7", "doing"),
    }


def test_channels_that_nobody_reads_are_left_out_and_pictures_are_read(tmp_path: Path) -> None:
    channels = (WRIST, Channel("camera", "vision/gray", 30), Channel("room", "depth/map", 5))
    write_recording(tmp_path / "r.mcap", [talker(channels=channels)])
    (user,) = users = read(tmp_path)
    assert user.channels == channels[:2]
    assert set(user.episodes[0].samples) == {"wrist", "camera"}
    assert user.episodes[0].samples["camera"].values.dtype == np.uint8
    assert "no encoder reads modality 'depth'" in users.notes[0]


def test_a_channel_that_changes_its_rate_is_read_as_it_was_first(tmp_path: Path) -> None:
    other = replace(WRIST, rate_hz=50.0)
    write_recording(tmp_path / "r.mcap", [talker(), talker(channels=(other,))])
    (user,) = users = read(tmp_path)
    assert user.channels == (WRIST,)
    assert "wrist is motion/wrist at 50 Hz, and was motion/wrist at 100 Hz" in users.notes[0]


def test_who_said_nothing_is_left_out(tmp_path: Path) -> None:
    silent = MadeSession("bob", key=b"b").live(3)
    write_recording(tmp_path / "r.mcap", [talker(), silent])
    users = read(tmp_path)
    assert [u.name for u in users] == ["ann/watch"]
    assert "nothing that was recorded of them has a label" in users.left_out["bob/watch"]
    write_recording(tmp_path / "r.mcap", [silent])
    with pytest.raises(DataError, match=r"nobody is left.*has a label"):
        read(tmp_path)


def test_damage_is_named_and_the_rest_is_used(tmp_path: Path) -> None:
    whole = write_recording(tmp_path / "whole.mcap", [talker("ann")])
    cut = write_recording(tmp_path / "cut.mcap", [talker("bob", key=b"b")])
    data = cut.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.mcap").write_bytes(b"")
    (tmp_path / "other.mcap").write_bytes(b"\x89PNG and so on")
    users = read(tmp_path)
    assert {u.name for u in users} == {"ann/watch", "bob/watch"}
    assert 1 < len(asked(next(u for u in users if u.name == "bob/watch"))) < 10
    said = "\n".join(users.notes)
    assert "cut.mcap: lost: the end" in said
    assert "empty.mcap is left out: " in said
    assert "is empty; a recording is an MCAP file that" in said
    assert "other.mcap is left out: " in said
    whole.unlink()
    cut.unlink()
    with pytest.raises(DataError, match=r"no recording holds a session.*fedxr serve --record"):
        mcap.sets(tmp_path)


def test_a_leap_in_time_is_no_part_of_an_episode(tmp_path: Path) -> None:
    made = talker()
    made.seconds += 10**6
    made.live(1)
    write_recording(tmp_path / "r.mcap", [made])
    (user,) = users = read(tmp_path)
    assert len(asked(user)) == 10
    assert users.notes == ("ann/watch: 1 frames have a time that their episode cannot hold",)


def test_what_no_label_looks_back_on_is_let_go(tmp_path: Path) -> None:
    reach_s = heard.REACH // 30
    made = MadeSession("ann").live(400)
    for second in range(395, 400):
        made.say(second + 0.5, 1)
    write_recording(tmp_path / "r.mcap", [made])
    (user,) = read(tmp_path)
    first_s = user.episodes[0].samples["wrist"].t_us[0] / 1e6
    assert 395 - reach_s - 2 < first_s < 395 - reach_s + 1
