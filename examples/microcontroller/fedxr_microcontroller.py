"""A source of ``fedxr sensors`` by a plug-in: a microcontroller that sends numbers over Wi-Fi.

It sends UDP datagrams of text: microseconds since it started, then its numbers, separated by commas
("1203311,0.41,36.6"). `fedxr sensors --source microcontroller:9100,eda:uS,temperature:C` listens.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from fedxr.bridge.sensors.pushed import PushedStreams
from fedxr.bridge.sensors.source import Column, SensorError, Source, SourceKind
from fedxr.bridge.sensors.sources import SOURCES


class Microcontroller(PushedStreams):
    """Listens from the start; ``where`` is PORT,NAME:UNIT,… with a name for each number."""

    def __init__(self, where: str, say: Callable[[str], None]) -> None:
        super().__init__()
        port, *names = where.split(",")
        if not port.isdigit() or not names:
            raise SensorError(f"microcontroller:{where}; allowed is PORT,NAME:UNIT,NAME:UNIT,…")
        columns = tuple(Column(*name.split(":", 1)) for name in names)
        self._source = Source("microcontroller", "UDP", columns, 0.0, f"microcontroller {port}")
        self._say, self._wrong, self._closed = say, False, False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0.2)
        self._socket.bind(("", int(port)))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._closed:
            try:
                data, sender = self._socket.recvfrom(1500)
                stamp_us, *values = map(float, data.decode().split(","))
                if len(values) != len(self._source.columns):
                    raise ValueError(f"{len(values)} numbers, not {len(self._source.columns)}")
            except TimeoutError:
                continue
            except ValueError as error:
                if not self._wrong:  # once
                    self._say(f"microcontroller at {sender[0]}: {error}; left out")
                self._wrong = True
                continue
            self.push(self._source, values, stamp_us)

    def close(self) -> None:
        self._closed = True
        self._thread.join()
        self._socket.close()


WHERE = "PORT,NAME:UNIT,…: where to listen, and what its numbers are"
SOURCES.add(SourceKind("microcontroller", "numbers by UDP", WHERE, Microcontroller, lambda: "here"))
