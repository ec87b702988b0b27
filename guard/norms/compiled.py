"""The library as it is kept: packs, vocabulary and lexicon made once, opened country by country as they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import Stemmer
from pydantic_core import from_json, to_json

from guard.files import folder
from guard.kept import Kept, Parts, key_of
from guard.norms.library import Index, Library, lexicon_of, names_of
from guard.norms.model import Cues, Pack
from guard.norms.packs import Layers, pack_files, read_layers
from guard.norms.speech import Speech
from guard.norms.vocabulary import KINDS, LANGUAGES_FOLDER, PLACES_FILE, Term, Vocabulary
from guard.text.gazetteer import Gazetteer
from guard.text.lexicon import Lexicon

T = TypeVar("T")


class Opened(Mapping[str, T]):
    """Values by key, each made when it is first asked for."""

    def __init__(self, keys: Iterable[str], make: Callable[[str], T]) -> None:
        self._keys = dict.fromkeys(keys)
        self._make = cache(make)

    def __getitem__(self, key: str) -> T:
        if key not in self._keys:
            raise KeyError(key)
        value: T = self._make(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys


def open_library(own: Sequence[Path] = ()) -> Library:
    """The norms that come with NormGuard, with the packs of the folders `own` over them.

    The same files make the same library, which is kept: only the first to open it pays for reading them.

    Raises:
        PackError: as `read_packs` and `Vocabulary`.
    """
    return _Compiled(own).library()


def ship(directory: Path) -> list[Path]:
    """Write into `directory` what a wheel brings along, so that its users never pay."""
    return [_Compiled(()).kept.ship(directory)]


class _Compiled:
    """The shipped packs and those of the folders `own`, as they are kept."""

    def __init__(self, own: Sequence[Path]) -> None:
        self._folders = [folder("policies") / "norms", *own]
        files = [pack_files(directory) for directory in self._folders]
        words = folder("policies") / "vocabulary"
        vocabulary = [*(words / f"{kind}.yaml" for kind in KINDS), words / PLACES_FILE]
        vocabulary += sorted((words / LANGUAGES_FOLDER).glob("*.yaml"))
        here = Path(__file__).parents[1]
        code = [path for part in ("text/*.py", "text/*.npz", "norms/*.py") for path in sorted(here.glob(part))]
        key = key_of([*code, *vocabulary, *chain(*files)], Stemmer.version(), [len(some) for some in files])
        self.kept = Kept("library-own" if own else "library", key, self._make)

    @cached_property
    def _parts(self) -> Parts:
        return self.kept.parts()

    @cached_property
    def _documents(self) -> dict[str, bytes]:
        return dict(_lines(self._parts["packs"]))

    def library(self) -> Library:
        return Library(
            Opened(self._documents, lambda code: self._layers(code).pack),
            self._vocabulary(),
            index=Index(**from_json(self._parts["index"])),
            lexicon=Lexicon(self._parts),
            gazetteer=Gazetteer(self._parts["gazetteer"]),
        )

    def _vocabulary(self) -> Vocabulary:
        tables = [_table(self._parts[kind], Cues if kind == "cultures" else Term) for kind in KINDS]
        return Vocabulary.of(*tables, _table(self._parts["languages"], Speech), {})

    def _make(self) -> Parts:
        shipped, *own = self._folders
        below = _Compiled(()) if own else None
        layers = {code: below._layers(code) for code in below._documents} if below else {}
        layers |= read_layers(own or [shipped], layers)
        vocabulary = Vocabulary()
        packs: dict[str, Pack] = {code: some.pack for code, some in layers.items()}
        norms = [norm for pack in packs.values() for norm in pack.norms]
        terms = {kind: getattr(vocabulary, kind).items() for kind in KINDS}
        return {
            "index": to_json(Index.of(packs)),
            "packs": _joined((code, self._document(some)) for code, some in layers.items()),
            **{kind: _joined((id_, _written(term)) for id_, term in some) for kind, some in terms.items()},
            "languages": _joined((code, _spoken(speech)) for code, speech in vocabulary.languages.items()),
            "gazetteer": Gazetteer.compiled(names_of(packs, vocabulary)),
            **lexicon_of(norms, vocabulary).parts(),
        }

    def _document(self, layers: Layers) -> list[Any]:
        """Layers as JSON-ready data: a file by the number of its folder and its name, wherever the folder lies."""

        def named(path: Path) -> tuple[int, str]:
            return self._folders.index(path.parent), path.name

        files = {id_: [named(path) for path in some] for id_, some in layers.files.items()}
        return [layers.document, files, {id_: named(path) for id_, path in layers.off.items()}]

    def _layers(self, code: str) -> Layers:
        document, files, off = from_json(self._documents[code])

        def path(number: int, name: str) -> Path:
            return self._folders[number] / name

        return Layers(
            document,
            {id_: tuple(path(*some) for some in named) for id_, named in files.items()},
            {id_: path(*named) for id_, named in off.items()},
        )


def _written(term: Term | Cues) -> dict[str, Any]:
    """A term as its file states it, so that it is read back as the same."""
    if isinstance(term, Cues):
        return term.model_dump(exclude_unset=True)
    return {**term.model_dump(exclude={"names"}, exclude_unset=True), **term.names}


def _spoken(speech: Speech) -> dict[str, Any]:
    """Of a language's file what texts are read by; the names in it are in the gazetteer and the lexicon."""
    named = {"demonyms", "places", "fixed", "acts", "situations", "intents", "concepts", "commonest", "sentences"}
    return speech.as_compared().model_dump(exclude=named, exclude_defaults=True)


def _joined(documents: Iterable[tuple[str, Any]]) -> bytes:
    """Documents by id, one a line."""
    return b"\n".join(id_.encode() + b"\t" + to_json(document) for id_, document in documents)


def _lines(joined: bytes) -> Iterator[tuple[str, bytes]]:
    for line in joined.split(b"\n"):
        id_, _, document = line.partition(b"\t")
        yield id_.decode(), document


def _table(joined: bytes, kind: type[Term] | type[Cues] | type[Speech]) -> Mapping[str, Any]:
    documents = dict(_lines(joined))
    return Opened(documents, lambda id_: kind.model_validate(from_json(documents[id_])))
