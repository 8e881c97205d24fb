"""OSC: avatars of the VMC protocol, faces with ARKit's shapes, trackers as VRChat has them.

Needs python-osc (extra ``osc``). Programs send to a port of this machine by UDP; whoever sends is
told apart by address. What each message means stands in `fedxr.bridge.sensors.osc_wearer`.

A VMC sender that says its time once a frame (/VMC/Ext/T, at the frame's end) stamps by it;
otherwise a sample was taken when it came.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from fedxr.bridge.clock import now_us
from fedxr.bridge.sensors.osc_wearer import Wearer
from fedxr.bridge.sensors.pushed import PushedStreams
from fedxr.bridge.sensors.source import Floats, SensorError, Source, SourceKind, installed, lacking

PORT = 39539
"""Where VMC senders send unless told otherwise. VRChat and its kin send to 9000."""
_ALIVE_S = 2.0
"""Who has sent within this is another than whoever sends from another port of that machine."""
_MISSED = 3
"""So many frames without a time on end, and a sender is stamped by arrival."""
_SENDERS = 16
"""At most; whoever floods the port is not believed to be more."""
_TOLD = 20
_LIBRARY = ("OSC", "python-osc", "osc")


def load_osc() -> Any:
    """The package pythonosc; raises SensorError that says how to get it."""
    try:
        import pythonosc.osc_packet
        import pythonosc.osc_server
        import scipy.spatial.transform  # noqa: F401 - that takes a second, while samples would wait
    except ImportError as error:
        raise lacking(*_LIBRARY) from error
    return pythonosc


class OscFinder(PushedStreams):
    """Listens at UDP port ``where`` from the start; what each sender tells is offered when it first
    comes. Raises SensorError where that is no port, or it is taken."""

    def __init__(self, where: str, say: Callable[[str], None]) -> None:
        super().__init__()
        self._osc, self._say = load_osc(), say
        self._senders: dict[tuple[str, int], Sender] = {}
        self._told: set[str] = set()
        if where and not (where.isdigit() and int(where) < 2**16):
            raise SensorError(f"osc:{where}; allowed is osc, or osc:PORT such as osc:9000")
        port = int(where or PORT)
        try:
            self._server = self._osc.osc_server.BlockingOSCUDPServer(("0.0.0.0", port), self)  # noqa: S104 - devices in the network send here
        except OSError as error:
            raise SensorError(
                f"cannot listen for OSC at UDP port {port} ({error}); end the program that does, "
                f"or say another port here and in what sends: --source osc:{port + 1}"
            ) from None
        self._server.verify_request = lambda *_: True  # what is no OSC is told, not passed over
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="osc", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5.0)
        self._server.server_close()

    def call_handlers_for_packet(self, data: bytes, address: tuple[str, int]) -> list[object]:
        """What the server asks of its dispatcher: take a datagram of ``address``."""
        sender = self._sender(address)
        if sender is None:
            self._tell(f"osc: more than {_SENDERS} send here; {address[0]} is left out")
            return []
        try:
            packet = self._osc.osc_packet.OscPacket(data)
        except (self._osc.osc_packet.ParseError, ValueError, IndexError) as error:
            self._tell(f"osc: what comes from {address[0]} is no OSC, and is left out: {error}")
            return []
        for timed in packet.messages:
            name, values = timed.message.address, timed.message.params
            try:
                if not sender.take(name, values):
                    self._tell(f"osc: {name} from {address[0]} is not used")
            except ValueError as error:
                self._tell(f"osc: {name} from {address[0]} is left out: {error}")
        return []

    def _sender(self, address: tuple[str, int]) -> Sender | None:
        """Who sends from ``address``: whoever did from another port of that machine and is silent
        now, started anew; otherwise another, numbered. None where there are too many."""
        now_s, host = time.monotonic(), address[0]
        if address not in self._senders:
            alike = [a for a in self._senders if a[0] == host]
            gone = [a for a in alike if now_s - self._senders[a].heard_s > _ALIVE_S]
            if gone:
                self._senders[address] = self._senders.pop(gone[0])
            elif len(self._senders) >= _SENDERS:
                return None
            else:
                number = f" #{len(alike) + 1}" if alike else ""
                key = f"osc {self.port} {host}{number}"
                self._senders[address] = Sender(key, self.push, self._tell)
        self._senders[address].heard_s = now_s
        return self._senders[address]

    def _tell(self, text: str) -> None:
        if text not in self._told and len(self._told) < _TOLD:
            self._told.add(text)
            self._say(text)


class Sender:
    """Whose messages come from one address: when its samples were taken."""

    def __init__(
        self,
        key: str,
        push: Callable[[Source, Floats, float | None], None],
        say: Callable[[str], None],
    ) -> None:
        self.heard_s = 0.0
        self._push = push
        self._wearer = Wearer(key, self._put, lambda text: say(f"{key}: {text}"))
        self._timed: bool | None = None  # None until it is known
        self._clock = (0.0, 0.0)  # when it last said its time, and what
        self._missed = 0
        self._waiting: list[tuple[Source, Floats, float]] = []

    def take(self, address: str, values: Sequence[object]) -> bool:
        """See `fedxr.bridge.sensors.osc_wearer.Wearer`."""
        if address != "/VMC/Ext/T":
            return self._wearer.take(address, values)
        if len(values) != 1 or not isinstance(values[0], int | float):
            raise ValueError(f"{list(values)}; a time in seconds is due")
        self._wearer.end_frame()
        if self._timed is not False:
            self._timed, self._missed = True, 0
            self._clock = float(now_us()), float(values[0]) * 1e6
            self._leave(lambda arrived: self._clock[1])
        return True

    def _put(self, source: Source, values: Floats) -> None:
        """Until a frame is over its samples wait for its time, where that comes."""
        if self._timed is not False and any(s.key == source.key for s, _, _ in self._waiting):
            self._miss()
        self._waiting.append((source, values, float(now_us())))
        if self._timed is False:
            self._leave(lambda arrived: arrived)

    def _miss(self) -> None:
        """A frame ended that had no time: what it would have been, or, again and again, none."""
        self._missed += 1
        if self._timed is None or self._missed >= _MISSED:
            self._timed = False
            self._leave(lambda arrived: arrived)
        else:
            arrived_us, said_us = self._clock
            self._leave(lambda arrived: said_us + arrived - arrived_us)

    def _leave(self, stamp: Callable[[float], float]) -> None:
        for source, values, arrived in self._waiting:
            self._push(source, values, stamp(arrived))
        self._waiting.clear()


def _find(where: str, say: Callable[[str], None]) -> OscFinder:
    finder = OscFinder(where, say)
    say(f"osc: listens at UDP port {finder.port}; programs are to send to this machine")
    return finder


OSC = SourceKind(
    "osc",
    "what is sent by OSC: VMC avatars, ARKit faces, VRChat-style trackers",
    f"UDP PORT to listen at; none: {PORT}",
    _find,
    lambda: installed(*_LIBRARY),
    look_s=1.0,  # who sends does so all the time
)
