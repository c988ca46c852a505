"""One child process as its parent sees it: started, asked, listened to, ended."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Collection, Sequence

from ingest.children.frames import HEAD, OUT_OF_MEMORY, NotDataError, pack, unpack
from ingest.children.settings import MIB, ChildrenSettings
from ingest.verdict import Abort

STARTS = 3
GRACE_SECONDS = 0.5
BUFFER_BYTES = MIB
# The child gets the parent's search path, whatever made it, and nothing else of the parent.
_START = (
    "import sys; sys.path[:] = {path!r}; "
    "from ingest.children.child import main; "
    "from ingest.children.settings import ChildrenSettings; "
    "main({parent}, {settings!r})"
)
# Libraries for numbers start a thread a core, each with an address space that would be taken for a leak.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Gone(Exception):  # noqa: N818 - what happened, not an error
    """The child is dead; the message says of what."""


class Child:
    """A running child. After `Gone` it has ended and cannot be used again."""

    def __init__(self, process: asyncio.subprocess.Process, settings: ChildrenSettings, packages: Collection[str]):
        self._process, self._settings, self._packages = process, settings, packages
        self.answered = 0  # items
        self.loaded: set[str] = set()  # jobs

    @classmethod
    async def start(cls, settings: ChildrenSettings, packages: Collection[str]) -> "Child":
        """A child that is ready for work; records of `packages` may stand in its answers.

        Raises: Abort if none can be started.
        """
        why = ""
        for _ in range(STARTS):
            with tempfile.TemporaryFile() as said:
                child = cls(await _spawn(settings, said.fileno()), settings, packages)
                try:
                    await child.receive(settings.start_seconds)
                except Gone as gone:
                    said.seek(0)
                    lines = said.read().decode(errors="replace").strip().splitlines()
                    why = f"{gone}: {lines[-1]}" if lines else str(gone)
                    continue
                except BaseException:
                    await child.end()
                    raise
                return child
        raise Abort(f"no child process can be started (tried {STARTS} times; the last one {why}): is memory short?")

    async def send(self, message: object) -> None:
        """Raises: Gone; what pickle raises for a message that cannot be sent, and then the child is as before."""
        frame = pack(message)
        pipe = self._process.stdin
        assert pipe is not None
        try:
            pipe.write(frame)
            await asyncio.wait_for(pipe.drain(), self._settings.wall_seconds)
        except (OSError, TimeoutError):
            raise Gone(await self._died()) from None

    async def receive(self, seconds: float) -> Sequence[object]:
        """The next thing that the child says.

        Raises: Gone if that takes longer than `seconds`, or the child died.
        """
        reading = asyncio.ensure_future(self._frame())
        try:
            await asyncio.wait({reading}, timeout=seconds)
            if not reading.done():  # we may be the ones who slept: what came in meanwhile is read first
                await asyncio.wait({reading}, timeout=GRACE_SECONDS)
            if reading.done():
                return reading.result()
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Gone(await self._died()) from None
        finally:
            reading.cancel()
        await self.end()
        raise Gone(f"gave no answer within {seconds:g} s")

    async def _frame(self) -> Sequence[object]:
        pipe = self._process.stdout
        assert pipe is not None
        (length,) = HEAD.unpack(await pipe.readexactly(HEAD.size))
        if length > self._settings.answer_bytes + MIB:
            await self.end()
            raise Gone("began an answer longer than children.answer_bytes")
        body = await pipe.readexactly(length)
        try:
            said = unpack(body, self._packages)
        except NotDataError as error:
            return ("failed", str(error), "", 0.0)
        if not isinstance(said, tuple):
            await self.end()
            raise Gone("said something that is no answer")
        return said

    async def _died(self) -> str:
        """How a child that fell silent ended; it may still be about to."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), GRACE_SECONDS)
        return await self.end()

    async def end(self) -> str:
        """Ends the child, whatever it does, and says how it ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        pipe = self._process.stdin
        assert pipe is not None
        pipe.close()
        with contextlib.suppress(OSError):
            await pipe.wait_closed()
        await self._read_out()
        return _how(await self._process.wait(), self._settings)

    async def _read_out(self) -> None:
        """Empties the pipe of a child that was killed while it spoke; the end of a full pipe never comes in asyncio."""
        pipe = self._process.stdout
        assert pipe is not None
        await asyncio.sleep(0)  # a reader that was cancelled lets go of the pipe first
        with contextlib.suppress(OSError):
            while await pipe.read(BUFFER_BYTES):
                pass


async def _spawn(settings: ChildrenSettings, errors: int) -> asyncio.subprocess.Process:
    code = _START.format(path=sys.path, parent=os.getpid(), settings=settings)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", code),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
        env={**os.environ, **_ONE_THREAD},
        start_new_session=True,  # Ctrl-C at the terminal is for the parent
        limit=BUFFER_BYTES,
    )


def _how(status: int, settings: ChildrenSettings) -> str:
    if status == -signal.SIGXCPU:
        return f"used more than {settings.cpu_seconds} s of processor time"
    if status == OUT_OF_MEMORY:
        return f"needed more than {settings.memory_bytes // MIB} MiB of memory"
    if status == -signal.SIGKILL:
        return "was killed; the machine may be short of memory"
    if status < 0:
        return f"crashed ({signal.Signals(-status).name})"
    return f"ended with status {status}"
