"""The words of a text encoder: its tokenizer, put together of the folder's files, which this program reads itself."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from explorer.checkpoint import read_json
from explorer.errors import ModelError
from explorer.generators.diffusion_component import library, one_line, where_is
from explorer.reading import foreign, read_file, whole

VOCABULARY, MERGES, WHOLE = "vocab.json", "merges.txt", "tokenizer.json"
SETTINGS, SIGNS, ADDED = "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"
FILES = (VOCABULARY, MERGES, WHOLE, SETTINGS, SIGNS, ADDED)
"""All that decide what becomes of a prompt."""
ROLES = ("bos_token", "eos_token", "unk_token", "pad_token")


def vocabulary_of(folder: Path) -> dict[str, int]:
    """Word → number. Raises :class:`ModelError` where the folder has none."""
    file = VOCABULARY if _is_in_parts(folder) else WHOLE
    if not (folder / file).is_file():
        raise ModelError(
            f"{where_is(folder)} lacks its words ('{VOCABULARY}' and '{MERGES}', or '{WHOLE}'), without which every "
            "prompt would be the same; copy the whole folder of the model."
        )
    found = read_json(folder / file)
    if file == WHOLE:
        model = found.get("model")
        found = model.get("vocab", {}) if isinstance(model, dict) else {}
    if not isinstance(found, dict) or not all(type(number) is int and number >= 0 for number in found.values()):
        raise ModelError(f"'{file}' in {where_is(folder)} holds no vocabulary; download it again.")
    return found


def settings_of(folder: Path) -> dict[str, Any]:
    """What the folder says of its tokenizer; signs that stand in a file of their own come before, as in the library,
    where the words that were added are not told."""
    settings = _read_if_there(folder / SETTINGS)
    return settings if "added_tokens_decoder" in settings else {**settings, **_read_if_there(folder / SIGNS)}


def tokenizer_of(folder: Path) -> Any:
    """The library's tokenizer of the words in ``folder``. Raises :class:`ModelError` with one sentence."""
    words, settings = vocabulary_of(folder), settings_of(folder)
    for word in _added(folder, settings):
        if word not in words:
            raise ModelError(
                f"The tokenizer in {where_is(folder)} adds '{word}' to its vocabulary, which this program does not "
                "know; use the folder of the plain model."
            )
    transformers = library("transformers")
    signs = {role: _sign(transformers, settings[role]) for role in ROLES if settings.get(role)}
    try:
        return transformers.CLIPTokenizer(vocab=words, merges=_merges(folder), **signs)
    except Exception as error:  # the library's errors have no base of their own
        raise ModelError(f"The words in {where_is(folder)} cannot be read ({one_line(error)}).") from error


def _is_in_parts(folder: Path) -> bool:
    return (folder / VOCABULARY).is_file() and (folder / MERGES).is_file()


def _read_if_there(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _sign(transformers: Any, value: Any) -> Any:
    """A sign as files hold it: its text, or more of it."""
    if not isinstance(value, dict):
        return str(value)
    flags = {name: bool(value[name]) for name in ("lstrip", "rstrip", "single_word", "normalized") if name in value}
    return transformers.AddedToken(str(value.get("content", "")), special=True, **flags)


def _added(folder: Path, settings: dict[str, Any]) -> list[str]:
    """Words that the folder says were added to the vocabulary."""
    listed = settings.get("added_tokens_decoder")
    entries = list(listed.values()) if isinstance(listed, dict) else []
    tokens = [] if _is_in_parts(folder) else _read_if_there(folder / WHOLE).get("added_tokens", [])
    entries += tokens if isinstance(tokens, list) else []
    return [*_read_if_there(folder / ADDED), *(str(one.get("content", "")) for one in entries if isinstance(one, dict))]


def _merges(folder: Path) -> list[tuple[str, str]]:
    """The pairs that become one, the first first."""
    pairs: list[Any]
    if _is_in_parts(folder):
        with foreign(folder / MERGES, "a list of merges"):
            lines = read_file(folder / MERGES, whole).decode().splitlines()
        pairs = [line.split(" ") for line in lines if line.strip() and not line.startswith("#version")]
    else:
        model = read_json(folder / WHOLE)["model"]
        pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model.get("merges", [])]
    wrong = next(itertools.filterfalse(_is_pair, pairs), None)
    if wrong is not None or not pairs:
        raise ModelError(f"The merges in {where_is(folder)} are no pairs of words; download them again.")
    return [(first, second) for first, second in pairs]


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) and part for part in pair)
