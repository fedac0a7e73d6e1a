"""Where things stand in the report: names of pages, files and anchors, made of people's own words.

Words that differ in nothing but punctuation make one slug; where two of them meet in a report, each
has a digest after it, and nothing is written over.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

LONGEST = 80  # characters of a page's name; the rest is told apart by a digest


def make_slug(*words: str) -> str:
    """Words as a name of a file or an anchor: lower case, digits, hyphens; empty words left out.

    A word beyond ASCII ("日本", "Ärger"), or without a letter, is told apart by a digest.
    """
    return "-".join(filter(None, (_simplify(word) for word in words if word)))


def _simplify(word: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-")
    return slug if slug and word.isascii() else f"{slug}-{_digest(word)}".strip("-")


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def tell_apart(
    slugs: Sequence[str], names: Sequence[str], *, taken: Collection[str] = ()
) -> list[str]:
    """Slugs that meet neither each other nor those that are taken.

    One that does has a digest of its name after it; of equal names the second is numbered.
    """
    met = Counter(slugs)
    met.update(set(taken))
    used = set(taken)
    found = []
    for slug, name in zip(slugs, names, strict=True):
        own = slug if met[slug] == 1 else f"{slug}-{_digest(name)}"
        unique, n = own, 1
        while unique in used:
            n += 1
            unique = f"{own}-{n}"
        used.add(unique)
        found.append(unique)
    return found


def address_words(names: Sequence[Sequence[str]]) -> list[str]:
    """A slug of its own for each of several lists of words."""
    return tell_apart([make_slug(*words) for words in names], ["\n".join(words) for words in names])


def address_each(folder: str, names: Iterable[str]) -> dict[str, str]:
    """A page for every name, as a path from the report's folder.

    Names that have one slug, none at all, or a very long one, are told apart by a digest.
    """
    slugs = {name: make_slug(name) for name in names}
    taken = list(slugs.values())
    pages = {}
    for name, slug in slugs.items():
        if not slug or len(slug) > LONGEST or taken.count(slug) > 1:
            slug = f"{slug[:LONGEST]}-{_digest(name)}".strip("-")
        pages[name] = f"{folder}/{slug}.html"
    return pages


def address_personas(labels: Iterable[str]) -> dict[str, str]:
    """Label -> the page of that persona."""
    return address_each("personas", dict.fromkeys(labels))


def address_llms(names: Iterable[str]) -> dict[str, str]:
    """LLM -> its page."""
    return address_each("llms", dict.fromkeys(names))


def address_answers(asked: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """LLM and data set -> where a persona's page has the answers of the one to the other."""
    pairs = list(dict.fromkeys(asked))
    anchors = address_words([("answers", *pair) for pair in pairs])
    return dict(zip(pairs, anchors, strict=True))
