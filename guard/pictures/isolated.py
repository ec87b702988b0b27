"""Pictures decoded in processes of their own, so that a crafted file can neither stop nor take over the server.

Run as a script this file is such a process: it reads pictures from its standard input and writes what it made of them
to its standard output, one after the other, until its parent goes away.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

_ASKED = struct.Struct(">QI")  # bytes that follow, and the most pixels of either edge
_HEAD = struct.Struct(">II")
MEMORY = 640 * 2**20
"""Bytes of address space that a decoder may take: enough for 50 megapixels in all formats but a few odd ones."""
_LARGE = 8_000_000
"""Pixels of a picture after which a decoder is replaced: it would keep the memory."""
SECONDS = 5.0
"""For one picture; an ordinary one takes a few milliseconds."""


class Decoders:
    """As many processes as may decode at one time; started when they are needed, ended and replaced when they fail.

    Args:
        count: the most pictures that are decoded at one time; further callers wait for their turn.
    """

    def __init__(self, count: int | None = None) -> None:
        count = count or os.cpu_count() or 1
        self._idle: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(None)

    def __call__(
        self, data: bytes, *, param: str | None = None, key: bytes | None = None, edge: int | None = None
    ) -> Any:
        """As `guard.pictures.decode.decode`, with the same errors; a file that takes too long or too much is one."""
        from guard.errors import ImageError  # the decoders themselves do without
        from guard.pictures.decode import THUMBNAIL, TOO_MUCH
        from guard.types import Picture, digest

        decoder = self._idle.get()
        try:
            decoder = decoder or _Decoder()
            told, pixels = decoder(data, edge or THUMBNAIL)
            if told.get("code") == TOO_MUCH or told.get("pixels", 0) > _LARGE:
                decoder.end()
                decoder = None
        except _Failed as failed:
            decoder = None
            raise ImageError(f"The image {failed}.", param=param, code="invalid_image") from None
        except BaseException:
            decoder = None
            raise
        finally:
            self._idle.put(decoder)
        if "error" in told:
            raise ImageError(told["error"], param=param, code=told["code"])
        from PIL import Image as Pillow

        thumbnail = Pillow.frombytes("RGB", tuple(told["thumbnail"]), pixels)
        location = tuple(told["location"]) if told["location"] else None
        return Picture(told["format"], tuple(told["size"]), thumbnail, location, told["title"], key or digest(data))


class _Failed(Exception):
    """The decoder did not answer as it should."""


class _Decoder:
    """One process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (this very file)
            [sys.executable, "-I", str(Path(__file__))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", "")},  # nothing that is secret
            bufsize=0,
        )

    def __call__(self, data: bytes, edge: int) -> tuple[dict[str, Any], bytes]:
        deadline = time.monotonic() + SECONDS
        try:
            self._write(_ASKED.pack(len(data), edge) + data, deadline)
            head, body = _HEAD.unpack(self._read(_HEAD.size, deadline))
            if head > 65_536 or body > 3 * edge**2:
                raise _Failed("cannot be decoded")
            told, pixels = json.loads(self._read(head, deadline)), self._read(body, deadline)
        except TimeoutError:
            self.end()
            raise _Failed(f"takes longer than {SECONDS:.0f} s to decode") from None
        except (OSError, EOFError, ValueError):
            self.end()
            raise _Failed("cannot be decoded") from None
        except BaseException:
            self.end()
            raise
        return told, pixels

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()

    def __del__(self) -> None:
        if self._process.poll() is None:
            self.end()

    def _write(self, data: bytes, deadline: float) -> None:
        assert self._process.stdin is not None
        target = self._process.stdin.fileno()
        os.set_blocking(target, False)
        left = memoryview(data)
        while left:
            if not select.select([], [target], [], max(0.0, deadline - time.monotonic()))[1]:
                raise TimeoutError
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(target, left[: 2**20]) :]

    def _read(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        source = self._process.stdout.fileno()
        pieces: list[bytes] = []
        while count:
            if not select.select([source], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError
            piece = os.read(source, min(count, 2**20))
            if not piece:
                raise EOFError
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)


def _serve(source: BinaryIO, target: BinaryIO) -> None:
    """Decode what comes, until nothing does."""
    import types

    # The package's own __init__ would load the norms' machinery, which a decoder has no use for.
    package = types.ModuleType("guard")
    package.__path__ = [str(Path(__file__).parents[1])]
    sys.modules["guard"] = package
    from guard.errors import ImageError
    from guard.pictures.decode import decode, formats

    formats()  # loaded before the limits hold
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on every system

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    while head := source.read(_ASKED.size):
        length, edge = _ASKED.unpack(head)
        data = source.read(length)
        pixels = b""
        try:
            picture = decode(data, key=b"", edge=edge)  # its parent knows the key
            told = {
                "format": picture.format,
                "size": picture.size,
                "pixels": picture.size[0] * picture.size[1],
                "thumbnail": picture.thumbnail.size,
                "location": picture.location,
                "title": picture.title,
            }
            pixels = picture.thumbnail.tobytes()
        except ImageError as error:
            told = {"error": str(error), "code": error.code}
        answer = json.dumps(told).encode()
        target.write(_HEAD.pack(len(answer), len(pixels)) + answer + pixels)
        target.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
