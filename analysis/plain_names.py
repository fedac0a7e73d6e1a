"""Names of files and folders made of people's own words: plain, and each its own."""

import hashlib
import re


def make_plain(name: str, *, also: str = "") -> str:
    """A name as a file system takes it; one that is not plain itself has a digest behind ~.

    Plain are letters, digits and _ . - and what ``also`` holds. No plain name has a ~, so names
    that differ in nothing but punctuation do not meet.
    """
    plain = re.sub(rf"[^\w.{re.escape(also)}-]+", "-", name).strip(".-") or "unnamed"
    if plain == name:
        return plain
    return f"{plain}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
