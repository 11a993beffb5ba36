"""Lists in the order of the keys, whatever folders they are in, and jumps over what is not wanted.

    page ─▶ last key in a wanted folder?  yes: next page
                                          no:  where can the next wanted key be?
             told by the layout and the window (a day, a name): a page from there on
             not told: the folders there are asked for, as `walk` asks for all of them

So requests are the pages of wanted keys and, at the most, what `walk` would ask for beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.listing.pages import pages
from penstock.listing.scope import Folder, Scope, before
from penstock.listing.values import Seen, Stretch
from penstock.listing.walk import folders_in

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Flat", "root"]

_SLACK = 8  # requests that may be lost by jumping before every folder is asked for


def root(scope: Scope) -> Folder:
    """The folder that all wanted keys are in, as deep as the layout tells."""
    folder = scope.folder(scope.source.prefix, 0)
    while not folder.stretch and folder.names is not None and len(folder.names) == 1:
        folder = scope.folder(folder.names[0], folder.depth)
    return folder


@dataclass(slots=True)
class _Level:
    """A folder on the way to a key; `inner`: the folders in it that are still to come, once asked for.
    `supposed`: nobody has seen it yet.
    """

    folder: Folder
    inner: Iterator[str] | None = None
    supposed: bool = False


@dataclass(slots=True)
class Flat:
    """One way through the keys below the root. `reduce` may make the scope smaller between two entries."""

    scope: Scope
    client: S3Client
    seen: Seen
    _levels: list[_Level] = field(default_factory=list)
    _begun: int = 0
    _walked: int = 0

    def entries(self) -> Iterator[tuple[Stretch, Any]]:
        """Every listed version that lies in a stretch of the scope, by key."""
        top = root(self.scope)
        self._levels, self._begun = [_Level(top)], self.seen.requests
        marker: str | None = self._begin()
        while marker is not None:
            prefix = self._prefix(top)
            asked = {"Prefix": prefix, **({"KeyMarker": marker} if marker else {})}
            for page in pages(self.scope.source, self.client, "list_object_versions", self.seen, asked):
                first = self._levels[-1]
                yield from self._on(page)
                last = page["NextKeyMarker"] if page.get("IsTruncated") else None
                marker = self._end(prefix, top) if last is None else self._behind(last, first)
                if marker != last:
                    break
            else:
                return

    def reduce(self, scope: Scope) -> None:
        """Go on with a smaller scope."""
        self.scope = scope
        depth = 0
        for number, level in enumerate(self._levels):
            level.folder = scope.folder(level.folder.path, depth)
            depth = level.folder.depth
            if not level.folder.readings or level.folder.stretch:
                del self._levels[number + 1 :]
                break

    def _on(self, page: Any) -> Iterator[tuple[Stretch, Any]]:
        for entry in page.get("Versions", ()):
            key = entry["Key"]
            folder = self._at(key)
            if folder.stretch and key.startswith(folder.stretch.prefix):
                yield folder.stretch, entry
                continue
            self.seen.keys += 1
            if folder.readings:
                self.seen.missed(key, folder.depth)

    def _at(self, key: str) -> Folder:
        """The last folder on the way to a key that has to be looked at, which is the last level then."""
        levels = self._levels
        while len(levels) > 1 and not key.startswith(levels[-1].folder.path):
            levels.pop()
        while (folder := levels[-1].folder).readings and not folder.stretch:
            cut = key.find("/", len(folder.path))
            if cut < 0:
                break
            self._enter(self._look(key[: cut + 1], folder))
        return levels[-1].folder

    def _look(self, path: str, within: Folder) -> Folder:
        folder = self.scope.folder(path, within.depth)
        if folder.strange:
            self.seen.missed(path, within.depth)
        return folder

    def _enter(self, folder: Folder) -> None:
        """Make a folder that is there the last level."""
        self._levels.append(_Level(folder))
        self._walked += _costs(folder)

    def _behind(self, last: str, first: _Level) -> str | None:
        """The key from behind which to go on when `last` is listed; None when nothing is left.
        `first` is the level that its page began in.
        """
        folder = self._at(last)
        self._walked += self._levels[-1] is first and _costs(folder)
        if folder.stretch:
            if last.startswith(folder.stretch.prefix):
                return max(last, folder.stretch.before)
            if last < folder.stretch.prefix:
                return max(last, _beginning(folder.stretch))
        elif None in self.scope.ahead(folder, last):
            return last
        elif folder.readings:
            return self._further(last, last)
        self._levels.pop()
        return self._further(folder.path, last)

    def _further(self, after: str, last: str) -> str | None:
        found = self._next(after)
        return None if found is None else max(last, found)

    def _prefix(self, top: Folder) -> str:
        """What the keys of the next pages begin with: all, or where that was not worth it, a stretch."""
        stretch = self._levels[-1].folder.stretch
        return stretch.prefix if stretch and self._loses() else top.path

    def _end(self, prefix: str, top: Folder) -> str | None:
        """The key behind which to go on when nothing more begins with the prefix."""
        return None if prefix == top.path else self._next(self._levels.pop().folder.path)

    def _loses(self) -> bool:
        """Whether this took more requests than going from folder to folder would have, so far."""
        return self.seen.requests - self._begun > self._walked + _SLACK

    def _begin(self) -> str:
        """The key behind which the first wanted one can be, without asking."""
        folder = self._levels[-1].folder
        while True:
            ahead = self.scope.ahead(folder, "")
            if folder.stretch:
                return _beginning(folder.stretch)
            if not ahead or None in ahead:
                return before(folder.path) if folder is not self._levels[0].folder else ""
            told = min(text for text in ahead if text)
            if not told.endswith("/"):
                return before(told)
            folder = self.scope.folder(told, folder.depth)

    def _next(self, after: str) -> str | None:
        """The key behind which the next wanted one can be, all that `after` begins being done with; None
        when nothing is left. The levels are those above.
        """
        found = self._seek(after)
        while self._levels and self._levels[-1].supposed:
            self._levels.pop()
        return found

    def _seek(self, after: str) -> str | None:
        """As `_next`; behind the last level that is there are those where the key is supposed to be."""
        while self._levels:
            level = self._levels[-1]
            if level.folder.stretch:
                return _beginning(level.folder.stretch)
            ahead = self.scope.ahead(level.folder, after)
            told = min((text for text in ahead if text), default="")
            asks = None in ahead or (bool(ahead) and level.folder.names is None and self._loses())
            if not ahead or (asks and not self._ask(level, after)):
                after = level.folder.path
                self._levels.pop()
            elif asks:
                continue
            elif not told.endswith("/"):
                return before(told)
            else:
                inner = self.scope.folder(told, level.folder.depth)
                if inner.readings:
                    self._levels.append(_Level(inner, supposed=True))
                after = after if inner.readings else told
        return None

    def _ask(self, level: _Level, after: str) -> bool:
        """Make the next folder that is wanted in this one the last level; False when there is none."""
        folder = level.folder
        if level.inner is None:
            asked = {"Prefix": folder.path, "Delimiter": "/"}
            if after.startswith(folder.path) and after != folder.path:
                asked["StartAfter"] = after + "~" if after.endswith("/") else after
            found = pages(self.scope.source, self.client, "list_objects_v2", self.seen, asked)
            level.inner = folders_in(found, folder.depth, self.seen)
        for path in level.inner:
            inner = self._look(path, folder)
            if path > after and inner.readings:
                self._walked += level.supposed
                level.supposed = False
                self._enter(inner)
                return True
        return False


def _costs(folder: Folder) -> bool:
    """Whether going from folder to folder would ask for what is in this one."""
    return bool(folder.stretch or (folder.readings and folder.names is None))


def _beginning(stretch: Stretch) -> str:
    return max(before(stretch.prefix), stretch.before)
