"""BrainFlow's own boards without hardware: the synthetic one, and a recording that is played."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bridge_rig import Recorder, until
from sensor_rig import counts_up, numbers_of, streaming

from fedxr.bridge.sensors import boards
from fedxr.bridge.sensors.source import SensorError
from fedxr.bridge.sensors.units import GRAVITY
from fedxr.bridge.serving.admission import ServerConfig
from fedxr.bridge.serving.server import BridgeServer

try:
    boards.load_brainflow()
except SensorError as error:
    pytest.skip(str(error), allow_module_level=True)

RATE = 250.0


@pytest.fixture
def cyton(tmp_path: Path) -> boards.BoardFinder:
    """A recording of a Cyton, 250 samples: sample n holds n + electrode / 8 microvolts, and axis
    g; BrainFlow's playback board plays it at its pace."""
    about = boards.load_brainflow().BoardShim.get_board_descr(0, 0)
    n = np.arange(250)
    data = np.zeros((about["num_rows"], len(n)))
    for kind, unit in (("eeg_channels", n + 0.0), ("accel_channels", 0 * n)):
        for i, row in enumerate(about[kind]):
            data[row] = unit + (i / 8 if kind == "eeg_channels" else i)
    data[about["timestamp_channel"]] = 1.7e9 + n / RATE
    np.savetxt(tmp_path / "cyton.csv", data.T, delimiter="\t", fmt="%.6f")
    played = f"playback-file,file={tmp_path / 'cyton.csv'},master_board=cyton"
    return boards.BoardFinder(boards.Board.parse(played))


async def test_a_recorded_board_arrives_in_si(
    cyton: boards.BoardFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "LOST_S", 2.0)
    async with streaming(cyton) as run:
        await until(lambda: run.heard("back"))  # it has played to its end, was lost, and is back
        arrived = len(run.got("eeg")[0])
        await until(lambda: len(run.got("eeg")[0]) > arrived + 50)
    t_us, values = run.got("eeg")
    n = numbers_of(values, 1e-6)
    np.testing.assert_allclose(values, (n[:, None] + np.arange(8) / 8) * 1e-6, rtol=1e-6)
    (again,) = np.flatnonzero(np.diff(n) != 1) + 1
    assert counts_up(n[:again])
    assert n[again - 1] == 249
    (sensor,) = run.headset.sensors
    assert sensor.counts["gaps"] >= 1
    assert sensor.counts["lost"] == 1
    # The player's wake-ups scatter by milliseconds; the times that left do not.
    steps = np.diff(t_us[: again - 1])
    assert np.median(np.abs(steps - 1e6 / RATE)) < 100
    assert (np.diff(t_us) >= 0).all()
    assert len(run.app.sessions) == 1
    assert run.heard("not used: accel x, accel y, accel z")


async def test_the_synthetic_board_streams() -> None:
    finder = boards.BoardFinder(boards.Board.parse("synthetic"))
    columns = "[accel x,accel y,accel z,gyro x,gyro y,gyro z]"
    wishes = (f"SyntheticAux 1{columns}=motion/wrist", "SyntheticAux 1[eda]=physiology/eda")
    async with streaming(finder, wishes) as run:
        names = ("eeg", "eda", "temperature", "wrist", "eda-2")
        await until(lambda: all(len(run.got(name)[0]) > 50 for name in names))
    layout = "eeg/Fz-C3-Cz-C4-Pz-PO7-Oz-PO8-F5-F7-F3-F1-F2-F4-F6-F8"
    assert run.app.sessions[0].channels["eeg"].layout == layout
    # What the board makes up: sines of tens to hundreds of microvolts, about 1 g a axis, 36 °C.
    assert 1e-6 < np.abs(run.got("eeg")[1]).max() < 5e-3
    assert np.abs(run.got("wrist")[1][:, :3]).max() == pytest.approx(GRAVITY, rel=0.2)
    assert run.got("temperature")[1].mean() == pytest.approx(273.15 + 36.5, abs=2)


async def test_a_bridge_that_restarts_is_found_again() -> None:
    finder = boards.BoardFinder(boards.Board.parse("synthetic"))
    async with streaming(finder) as run:
        await until(lambda: len(run.got("eeg")[0]) > 50)
        port, again = run.server.port, Recorder()
        await run.server.stop()
        run.server = BridgeServer(again, ServerConfig(port=port))
        await run.server.start()
        await until(lambda: len(again.frames) > 10 and again.frames[-1].episode == 1)
        await until(lambda: run.heard("in a new session"))
    assert "eeg" in again.sessions[0].channels


def test_boards_and_parameters_that_are_wrong() -> None:
    with pytest.raises(SensorError, match=r"board 'cytn'; did you mean 'cyton'\?.*cyton \(0\)"):
        boards.BoardFinder(boards.Board.parse("cytn"))
    with pytest.raises(SensorError, match=r"'serial'; .*known are .*serial_port"):
        boards.BoardFinder(boards.Board.parse("cyton,serial=/dev/ttyUSB0"))
    with pytest.raises(SensorError, match="allowed is key=value"):
        boards.Board.parse("cyton,serial_port")
    (offering,) = boards.BoardFinder(boards.Board.parse("0,serial_port=/dev/none")).find()
    with pytest.raises(SensorError, match=r"UNABLE_TO_OPEN_PORT.*are its parameters right"):
        offering.open()
