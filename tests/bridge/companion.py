"""A Pupil Labs Companion on this machine: what its real-time API says by HTTP, RTSP and echoes.

    HTTP       GET /api/status: the phone, the glasses, and where gaze is streamed
    RTSP       OPTIONS, DESCRIBE, SETUP, PLAY by TCP; RTP and its sender reports by UDP
    Time Echo  8 bytes in, those and the phone's milliseconds out, by TCP

Its clock is ``ahead_s`` of this machine's. Sample n looks at the pixel (n, 2 n), 0 to 499.
"""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import time
from typing import Any

RATE_HZ = 200
_CLOCK_HZ = 90_000
_NTP_S = 2_208_988_800
"""From 1900 to 1970."""


class Companion:
    """In a thread of its own, until the end of the block."""

    def __init__(self, *, eyes: bool = True, ahead_s: float = 0.0, version: str = "2") -> None:
        self.eyes, self.ahead_s, self.version = eyes, ahead_s, version
        self.worn = True
        self.connected = True
        self.pause = False
        self.port = 0
        self._rtsp_port = self._echo_port = 0
        self._start_s = time.time()
        self._streams: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Companion:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def hang_up(self) -> None:
        """Ends all streams without a word; whoever asks again is answered."""
        for writer in list(self._streams):
            self._loop.call_soon_threadsafe(writer.transport.abort)

    def taken_us(self, n: int) -> float:
        """When sample ``n`` was taken, by this machine's clock."""
        return (self._start_s + n / RATE_HZ) * 1e6

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._ready.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        for server in self._servers:
            server.close()
        self._loop.close()

    async def _listen(self) -> None:
        self._servers = [
            await asyncio.start_server(talk, "127.0.0.1", 0)
            for talk in (self._http, self._rtsp, self._echo)
        ]
        self.port, self._rtsp_port, self._echo_port = (
            server.sockets[0].getsockname()[1] for server in self._servers
        )

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).split()
        assert request[:2] == [b"GET", b"/api/status"]
        phone = {
            "battery_level": 90, "battery_state": "OK", "device_id": "d", "device_name": "phone",
            "ip": "127.0.0.1", "memory": 1, "memory_state": "OK",
            "time_echo_port": self._echo_port,
        }  # fmt: skip
        gaze = {
            "sensor": "gaze", "conn_type": "DIRECT", "connected": self.connected,
            "ip": "127.0.0.1", "params": "camera=gaze", "port": self._rtsp_port,
            "protocol": "rtsp", "stream_error": False,
        }  # fmt: skip
        hardware = {"version": self.version, "module_serial": "m"}
        parts = (("Phone", phone), ("Hardware", hardware), ("Sensor", gaze))
        result = [{"model": model, "data": data} for model, data in parts]
        body = json.dumps({"message": "Success", "result": result}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        writer.write(head.encode() + b"\r\nConnection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(8):
            here_ms = int((time.time() + self.ahead_s) * 1000)
            writer.write(asked + struct.pack("!Q", here_ms))
        writer.close()

    async def _rtsp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        playing: asyncio.Task[None] | None = None
        ports = (0, 0)
        self._streams.add(writer)
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, url = text.split()[:2]
                rows = [line.partition(": ") for line in text.split("\r\n")[1:] if line]
                headers = {name.lower(): value for name, _, value in rows}
                more, body = "", ""
                if method == "OPTIONS":
                    more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
                elif method == "DESCRIBE":
                    body = (
                        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=gaze\r\nt=0 0\r\n"
                        "m=application 0 RTP/AVP 99\r\n"
                        f"a=rtpmap:99 com.pupillabs.gaze1/{_CLOCK_HZ}\r\na=control:trackID=0\r\n"
                    )
                    more = f"Content-Type: application/sdp\r\nContent-Base: {url}\r\n"
                elif method == "SETUP":
                    _, _, wanted = headers["transport"].partition("client_port=")
                    first, _, second = wanted.partition("-")
                    ports = int(first), int(second)
                    more = f"Session: 1;timeout=60\r\nTransport: {headers['transport']}\r\n"
                elif method == "PLAY":
                    playing = asyncio.create_task(self._play(ports))
                answer = f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n{more}"
                writer.write(f"{answer}Content-Length: {len(body)}\r\n\r\n{body}".encode())
                if method == "TEARDOWN":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._streams.discard(writer)
            if playing is not None:
                playing.cancel()
            writer.close()

    async def _play(self, ports: tuple[int, int]) -> None:
        loop = asyncio.get_running_loop()
        (rtp, _), (rtcp, _) = [
            await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port)
            )
            for port in ports
        ]
        n = int((time.time() - self._start_s) * RATE_HZ)
        try:
            while True:
                if n % 100 == 0 or not rtcp.get_extra_info("told"):
                    rtcp.sendto(self._report(n))
                    rtcp._extra["told"] = True  # type: ignore[attr-defined]
                if not self.pause:
                    head = struct.pack("!BBHII", 0x80, 99, n & 0xFFFF, self._ticks(n), 7)
                    rtp.sendto(head + self._gaze(n))
                n += 1
                await asyncio.sleep(max(0.0, self._start_s + n / RATE_HZ - time.time()))
        finally:
            rtp.close()
            rtcp.close()

    def _ticks(self, n: int) -> int:
        return 1000 + n * _CLOCK_HZ // RATE_HZ

    def _report(self, n: int) -> bytes:
        """A sender report: at this time of the phone's clock, RTP's clock showed this."""
        seconds = self.taken_us(n) / 1e6 + self.ahead_s + _NTP_S
        whole, part = int(seconds), int(seconds % 1 * 2**32)
        return struct.pack("!BBHIIIIII", 0x80, 200, 6, 7, whole, part, self._ticks(n), n, n * 65)

    def _gaze(self, n: int) -> bytes:
        at: tuple[Any, ...] = (n % 500, 2 * (n % 500), 255 if self.worn else 0)
        if not self.eyes:
            return struct.pack("!ffB", *at)
        eye = (0.0, 0.0, -30.0, 0.0, 0.0, 1.0)
        return struct.pack("!ffB14f", *at, 3.0, *eye, 4.0, *eye)
