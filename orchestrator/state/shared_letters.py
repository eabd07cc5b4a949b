"""The dead letters of the shared store: a blob for each commit that had some, `<task>/dead-letters/N-EPOCH.jsonl`.

N is how many letters the task had ever stored before, as the task's document counted them. A commit that failed between
its letters and the document leaves a blob behind that the next one with the same N makes void.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from orchestrator.state.blobs import Container, Missing
from orchestrator.state.document import Document, decode_letters, encode_letters
from orchestrator.state.store import StoredLetter


class SharedLetters:
    """The letters of all tasks under one prefix. Everything raises `UnavailableError` as a `Blob` does."""

    def __init__(self, container: Container, prefix: str) -> None:
        self._container = container
        self._prefix = prefix

    def name(self, task: str, document: Document) -> str:
        """The blob for the letters of the next commit."""
        return f"{self._folder(task)}{document.dead_letters:012}-{document.epoch}.jsonl"

    def put(self, name: str, letters: Sequence[StoredLetter]) -> None:
        self._container.blob(name).put(encode_letters(letters))

    def page(self, task: str, document: Document, after: int, limit: int) -> list[StoredLetter]:
        """See `StateStore.letters`."""
        found: list[StoredLetter] = []
        blobs = self._blobs(task, document)
        starts = list(blobs)
        for before in starts[max(0, bisect.bisect_right(starts, after) - 1) :]:
            found += [one for one in self._read(blobs[before][-1], before) if one.id > after]
            if len(found) >= limit:
                break
        return found[:limit]

    def change(
        self,
        task: str,
        document: Document,
        drop: Collection[int],
        again: Mapping[int, tuple[str, str]],
        insist: Callable[[Callable[[], None]], None],
    ) -> int:
        """Write the blobs anew that hold them; how many letters of the task are left. `insist` does each write."""
        left = 0
        for before, names in self._blobs(task, document).items():
            name = names[-1]
            letters = self._read(name, before)
            staying = [one for one in letters if one.id not in drop]
            kept = [_again(one, *again[one.id]) if one.id in again else one for one in staying]
            left += len(kept)
            if not kept:
                for void in names:
                    insist(self._container.blob(void).remove)
            elif kept != letters:
                insist(lambda name=name, kept=kept: self.put(name, kept))  # type: ignore[misc]  # bound at once
        return left

    def _folder(self, task: str) -> str:
        return f"{self._prefix}{task}/dead-letters/"

    def _blobs(self, task: str, document: Document) -> dict[int, list[str]]:
        """The blobs that count, by the number of letters before theirs; the last of each is the one that holds."""
        found: dict[int, list[tuple[int, str]]] = {}
        for name in self._names(task):
            before, _, epoch = name.removeprefix(self._folder(task)).removesuffix(".jsonl").partition("-")
            if before.isdigit() and epoch.isdigit() and int(before) < document.dead_letters:
                found.setdefault(int(before), []).append((int(epoch), name))
        return {before: [name for _, name in sorted(found[before])] for before in sorted(found)}

    def _names(self, task: str) -> Iterator[str]:
        try:
            yield from self._container.names(self._folder(task))
        except Missing:
            return

    def _read(self, name: str, before: int) -> list[StoredLetter]:
        try:
            return decode_letters(self._container.blob(name).read()[0], before, name)
        except Missing:  # dropped meanwhile, by whoever has the task
            return []


def _again(stored: StoredLetter, code: str, reason: str) -> StoredLetter:
    return replace(stored, letter=replace(stored.letter, code=code, reason=reason))
