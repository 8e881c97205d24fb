"""A source of ``fedxr sensors`` by a plug-in: a microcontroller that sends numbers over Wi-Fi.

It sends UDP datagrams of text: microseconds since it started, then its numbers, separated by commas
("1203311,0.41,36.6"). `fedxr sensors --source microcontroller:9100,eda:uS,temperature:C` listens.
"""

import socketserver
import threading

from fedxr.bridge.sensors.pushed import PushedStreams
from fedxr.bridge.sensors.source import Column, SensorError, Source, SourceKind
from fedxr.bridge.sensors.sources import SOURCES


class Microcontroller(PushedStreams):
    """Listens from the start; ``where`` is PORT,NAME:UNIT,… with a name for each number."""

    def __init__(self, where, say):
        super().__init__()
        port, *names = where.split(",")
        if not port.isdigit() or not names:
            raise SensorError(f"microcontroller:{where}; allowed is PORT,NAME:UNIT,NAME:UNIT,…")
        columns = tuple(Column(*name.split(":", 1)) for name in names)
        self._source = Source("microcontroller", "UDP", columns, 0.0, f"microcontroller {port}")
        self._say, self._told = say, False
        self._server = socketserver.UDPServer(("", int(port)), self._take)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, datagram, sender, _):
        """What is no stamp and a number for each column is left out, and that is said once."""
        try:
            stamp_us, *values = map(float, datagram[0].decode().split(","))
        except ValueError:
            values = []
        if len(values) == len(self._source.columns):
            self.push(self._source, values, stamp_us)
        elif not self._told:
            self._told = True
            self._say(f"microcontroller at {sender[0]}: {datagram[0]!r}; such is left out")

    def close(self):
        self._server.shutdown()
        self._server.server_close()


WHERE = "PORT,NAME:UNIT,…: where to listen, and what its numbers are"
SOURCES.add(SourceKind("microcontroller", "numbers by UDP", WHERE, Microcontroller, lambda: "here"))
