"""Does a container start, as a run would start it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from orchestrator.config.model import Use
from orchestrator.errors import DstreamError
from orchestrator.pipeline.doctor.finding import Finding, of_error
from orchestrator.pipeline.sources import Asked, Sources
from orchestrator.runtime.base import ImageProgram, Launch, Runtime

_STAYS_S = 1.0
"""For so long a provider waits for its first line, at least; one that cannot run has ended by then."""

_GONE_WITHIN = 10.0


def look_at_start(uses: Sequence[Use], sources: Sources, runtime: Callable[[], Runtime]) -> Iterator[Finding]:
    """Start the first of these images that is on the engine already, and remove it again.

    A provider does nothing before its first line, and gets none. Engines that do not answer are another check's.
    """
    for use in uses:
        try:
            image = sources.image(Asked(use.reference, use.where, "never", use.platform))
        except DstreamError as error:
            if error.code.startswith("engine."):
                return
            if error.code == "image.absent":
                continue
            yield of_error(error)
            return
        program = ImageProgram(use.reference, image.image_id, image.digest)
        executor = runtime()
        try:
            # Its thread is not the main one's, which matters to processes alone: no container is a thread's child.
            provider = executor.start(Launch(role=use.role, program=program, platform=use.platform))
            try:
                ended = provider.wait(_STAYS_S)
            finally:
                provider.dispose(_GONE_WITHIN)
        finally:
            executor.close()
        if ended is None:
            yield Finding("ok", "a container was started, attached and removed", use.reference)
        else:
            remedy = f"see what it says: `docker run --rm --interactive {use.reference}`"
            yield Finding("failed", f"a container was started, and {ended} at once", use.reference, remedy)
        return
    if uses:
        remedy = "pull them with `dstream init`, or run the task"
        yield Finding(
            "ok", "starting a container was not tried: no image of the file is on this engine yet", None, remedy
        )
    else:
        yield Finding("ok", "starting a container was not tried: no task here names an image")
