"""The text encoders of a pipeline folder and their tokenizers, checked by JSON and headers alone."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import msgspec

from explorer.errors import ModelError
from explorer.generators.diffusion_component import ENCODERS, Component, component
from explorer.generators.diffusion_words import FILES, SETTINGS, settings_of, vocabulary_of

PARTS = (("text_encoder", "tokenizer"), ("text_encoder_2", "tokenizer_2"))
TOKENIZERS = ("CLIPTokenizer", "CLIPTokenizerFast")
LEAST_WORDS = 514
"""Entries of a vocabulary of byte pairs: each of 256 bytes within and at the end of a word, and two signs."""
HOW_TO_GET = "pip install 'latent-explorer[text]'"


class EncoderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of a text encoder's ``config.json``; the defaults are those of transformers."""

    hidden_size: int = 512
    projection_dim: int = 512
    vocab_size: int = 49408
    max_position_embeddings: int = 77
    use_attention_mask: bool = False


@dataclass(frozen=True)
class TextPart:
    """One text encoder with its tokenizer. ``length``: tokens of every prompt, padded or cut."""

    encoder: Component
    config: EncoderConfig
    tokenizer: Path
    length: int

    @property
    def files(self) -> list[Path]:
        """Everything that decides what comes of a prompt."""
        return [*self.encoder.files, *(self.tokenizer / name for name in FILES if (self.tokenizer / name).is_file())]


def take_text_parts(path: Path, entries: dict[str, str]) -> tuple[TextPart, ...]:
    """The text encoders of the pipeline in ``path``, taken out of ``entries`` (part → class of its index)."""
    parts = []
    for encoder_name, tokenizer_name in PARTS:
        encoder_class, tokenizer_class = entries.pop(encoder_name, ""), entries.pop(tokenizer_name, "")
        if not encoder_class and not tokenizer_class:
            continue
        if not encoder_class or not tokenizer_class:
            missing = tokenizer_name if encoder_class else encoder_name
            raise ModelError(f"'{path.name}' has no {missing}, so no prompt can be read; copy the whole folder.")
        _require_library(path)
        encoder = component(path, encoder_name, encoder_class, ENCODERS)
        config = encoder.read_config(EncoderConfig)
        if tokenizer_class not in TOKENIZERS:
            raise ModelError(
                f"The {tokenizer_name} of '{path.name}' is a {tokenizer_class}, which this program does not know; it "
                f"knows {', '.join(TOKENIZERS)}."
            )
        length = _check_tokenizer(path, path / tokenizer_name, config)
        parts.append(TextPart(encoder, config, path / tokenizer_name, length))
    return tuple(parts)


def _require_library(path: Path) -> None:
    if importlib.util.find_spec("transformers") is None:
        raise ModelError(
            f"'{path.name}' draws what a text says, and reading texts needs the package transformers; get it by "
            f"{HOW_TO_GET}."
        )


def _check_tokenizer(path: Path, folder: Path, config: EncoderConfig) -> int:
    """Tokens of a prompt. Raises :class:`ModelError` unless the words of the tokenizer are those of its encoder."""
    where = f"'{folder.name}' of '{path.name}'"
    if not folder.is_dir():
        raise ModelError(f"'{path.name}' lacks the folder '{folder.name}'; copy the whole folder of the model.")
    numbers = list(vocabulary_of(folder).values())
    if len(numbers) < LEAST_WORDS:
        raise ModelError(
            f"The vocabulary in {where} has {len(numbers)} entries where at least {LEAST_WORDS} belong, so every "
            "prompt would be the same; copy the whole folder of the model."
        )
    if max(numbers) >= config.vocab_size:
        raise ModelError(
            f"The vocabulary in {where} has words up to number {max(numbers)}, and its text encoder knows "
            f"{config.vocab_size}; they do not belong together."
        )
    length = settings_of(folder).get("model_max_length", config.max_position_embeddings)
    if isinstance(length, bool) or not isinstance(length, int | float) or length < 2:
        raise ModelError(f"'{SETTINGS}' in {where} has prompts of {length!r} tokens; that cannot be.")
    return int(min(length, config.max_position_embeddings))
