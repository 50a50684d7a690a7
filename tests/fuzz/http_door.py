"""HTTP as bytes on a socket."""

import socket
from contextlib import suppress
from random import Random

from tests.fuzz import values
from tests.fuzz.run import Input
from tests.fuzz.world import CALL_SECONDS_MAX, World

_METHODS = ("GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "\x00", "G" * 9000)
_PATHS = (
    "/",
    "/pfs/default/in/master/a.txt",
    "/pfs/default/in/master/",
    "/pfs/default/in/master/d/",
    f"/pfs/default/in/{values.HEAD}/a.txt",
    "/pfs/default/in/master",
    "/pfs/default/in",
    "/pfs/default/",
    "/pfs/",
    "/healthz",
    "/chunks/",
    "*",
    "http://127.0.0.1/pfs/default/in/master/a.txt",
)
_RANGES = (
    "bytes=0-1",
    "bytes=-1",
    "bytes=5-",
    "bytes=9-2",
    "bytes=" + "9" * 5000 + "-",
    "bytes=-" + "9" * 5000,
    "bytes=0-0,2-3",
    "bytes=" + "0-1," * 500,
    "bytes=a-b",
    "items=0-1",
    "bytes=",
    "bytes=\xb2-\xb3",
    "bytes=0x1-0x2",
    "bytes=1_0-2_0",
)
_HEADERS = (
    "Range",
    "If-Range",
    "If-None-Match",
    "If-Match",
    "If-Modified-Since",
    "Host",
    "Origin",
    "Accept",
    "Accept-Encoding",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "Authorization",
    "Cookie",
    "X-" + "a" * 300,
    "Expect",
)
_VALUES = (
    "*",
    '"a"',
    'W/"a"',
    "localhost",
    "127.0.0.1",
    "evil.example",
    "http://evil.example",
    "null",
    "chunked",
    "0",
    "-1",
    "9" * 400,
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Thu, 99 Foo 99999 00:00:00 GMT",
    "",
    "gzip;q=x",
    "websocket",
    "Bearer x",
    "\x00",
    "\xff\xfe",
    "a" * 70_000,
    "h2c",
    "100-continue",
    "[::1",
    "127.0.0.1:99999",
)


class HttpDoor:
    """Files over HTTP."""

    name = "http"

    def make(self, random: Random) -> Input:
        path = random.choice(_PATHS)
        if random.random() < 0.4:
            path += random.choice(
                ["%", "%00", "%2e%2e/", "%ff", "?", "?a=b&a", "#a", "//", "/..", "%41", "\xe9", "/" * 500]
            )
        if random.random() < 0.3:
            path = values.mutated(random, path)
        lines = [f"{random.choice(_METHODS)} {path} HTTP/{random.choice(['1.1', '1.1', '1.0', '2.0', '9'])}"]
        if random.random() < 0.9:
            lines.append("Host: localhost")
        for _ in range(random.randrange(4)):
            name = random.choice(_HEADERS)
            value = random.choice(_RANGES) if name == "Range" else random.choice(_VALUES)
            lines.append(f"{name}: {values.mutated(random, value) if random.random() < 0.2 else value}")
        lines.append("Connection: close")
        text = "\r\n".join(lines) + random.choice(["\r\n\r\n", "\r\n\r\n", "\r\n\r\n", "\r\n\r\nbody", "\r\n", "\n\n"])
        return {"bytes": text}

    def send(self, world: World, sent: Input) -> str:
        data = sent["bytes"].encode("latin-1", "replace")
        with socket.create_connection(world.http, timeout=CALL_SECONDS_MAX) as connection:
            answer = b""
            try:
                # The server may close as soon as it has seen enough; what it said by then is still there to read.
                with suppress(OSError):
                    connection.sendall(world.concrete(data))
                    connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(1 << 16):
                    answer += piece
            except TimeoutError:
                return f"no answer within {CALL_SECONDS_MAX} s"
            except ConnectionError:
                return ""
        status = answer[9:12]
        if status.startswith(b"5") and status != b"501":
            return f"HTTP {status.decode()}: {answer[-300:]!r}"
        return ""

    def may_wait(self, sent: Input) -> bool:
        return False
