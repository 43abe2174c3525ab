"""The floor: the same requests as a scan's, sent raw over one kept-alive connection, answers read
and thrown away. No client can be faster than the engine is with this one."""

import http.client
import json
import socket
import time


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Floor:
    """Paths are taken once; `seconds` then only sends and reads."""

    def __init__(self, socket_path: str) -> None:
        self._socket = socket_path
        containers = json.loads(self._read("/containers/json?all=1"))
        inspects = [f"/containers/{found['Id']}/json" for found in containers]
        images = sorted({found["ImageID"] for found in containers})
        processes = [
            f"/containers/{found['Id']}/top?ps_args=-eo+pid%2Cuid%2Cargs" for found in containers
        ]
        around = ["/version", "/info", "/images/json", "/networks", "/volumes"]
        self.list_and_inspect = ["/containers/json?all=1", *inspects]
        self.configuration = [
            *self.list_and_inspect,
            *around,
            *(f"/images/{image}/json" for image in images),
        ]
        self.everything = [*self.configuration, *processes]

    def seconds(self, paths: list[str]) -> float:
        began = time.perf_counter()
        connection = UnixConnection(self._socket)
        for path in paths:
            connection.request("GET", path)
            connection.getresponse().read()
        connection.close()
        return time.perf_counter() - began

    def _read(self, path: str) -> bytes:
        connection = UnixConnection(self._socket)
        connection.request("GET", path)
        body = connection.getresponse().read()
        connection.close()
        return body
