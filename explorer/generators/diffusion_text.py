"""What a text says to a denoiser: prompts through the folder's text encoders, kept, and as a space of their own."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from explorer.generators.base import Latent
from explorer.generators.diffusion_component import load_component
from explorer.generators.diffusion_conditioning import Conditioning, effective
from explorer.generators.diffusion_configs import TextUnetConfig
from explorer.generators.diffusion_text_folder import TextPart
from explorer.generators.diffusion_words import tokenizer_of
from explorer.generators.digests import digest_of
from explorer.scene.model import Condition

PROMPT = "prompt"
KEPT_PROMPTS = 64


class TextEncoders:
    """One text encoder, or the two of SD XL, with their tokenizers. What a text comes to is kept.

    An embedding is (T, W): a row a token, the numbers of the encoders side by side. Of SD XL, rows follow that hold the
    embedding of the whole text, so that moving a point of the space moves both.
    """

    def __init__(self, parts: Sequence[TextPart], pooled: bool, device: torch.device) -> None:
        self._parts, self._pooled, self._device = parts, pooled, device
        self._encoders = [load_component(part.encoder).requires_grad_(False).to(device) for part in parts]
        self._tokenizers = [tokenizer_of(part.tokenizer) for part in parts]
        self._kept: OrderedDict[str, Tensor] = OrderedDict()

    @property
    def shape(self) -> tuple[int, int]:
        """Of an embedding."""
        return embedding_shape(self._parts, self._pooled)

    def embedding(self, text: str) -> Tensor:
        """(T, W) of ``text``; the encoders run once for each of the last texts."""
        kept = self._kept.get(text)
        if kept is None:
            # Not in inference mode: it may be moved later in a picture that is differentiated.
            with torch.inference_mode(False), torch.no_grad():
                kept = self._encoded(text)
            self._kept[text] = kept
            while len(self._kept) > KEPT_PROMPTS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(text)
        return kept

    @property
    def tokens(self) -> int:
        """Of a prompt, without the signs of its beginning and its end."""
        return self._parts[0].length - 2

    def split(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Of embeddings (B, T, W) those of the tokens, and those of the whole texts (B, P)."""
        length, width = self._parts[0].length, self._parts[-1].config.projection_dim
        return embedding[:, :length], embedding[:, length:].flatten(1)[:, :width]

    def words(self, text: str) -> list[str]:
        """The tokens of ``text`` that fit, without the signs of its beginning and end."""
        tokenizer, length = self._tokenizers[0], self._parts[0].length
        numbers = tokenizer(text, truncation=True, max_length=length, add_special_tokens=True).input_ids[1:-1]
        return [tokenizer.decode([number]).strip() for number in numbers]

    def unread(self, text: str) -> str:
        """The end of ``text``, behind the tokens that are read; empty where all of it is."""
        tokenizer, length = self._tokenizers[0], self._parts[0].length
        behind = tokenizer(text, add_special_tokens=True).input_ids[length - 1 : -1]
        return str(tokenizer.decode(behind)).strip() if behind else ""

    def _encoded(self, text: str) -> Tensor:
        columns, whole = [], None
        for part, tokenizer, encoder in zip(self._parts, self._tokenizers, self._encoders, strict=True):
            found = tokenizer(text, padding="max_length", max_length=part.length, truncation=True, return_tensors="pt")
            mask = found.attention_mask.to(self._device) if part.config.use_attention_mask else None
            told = encoder(found.input_ids.to(self._device), attention_mask=mask, output_hidden_states=self._pooled)
            # SD XL reads the layer before the last one, as it is.
            columns.append(told.hidden_states[-2] if self._pooled else told[0])
            whole = told[0]
        rows = torch.cat(columns, dim=-1)[0].float()
        if not self._pooled or whole is None:
            return rows
        spare = torch.zeros(self.shape[0] - len(rows), rows.shape[1], device=self._device)
        spare.view(-1)[: whole.shape[-1]] = whole[0].float()
        return torch.cat([rows, spare])


def embedding_shape(parts: Sequence[TextPart], pooled: bool) -> tuple[int, int]:
    """(T, W) of the embeddings of ``parts``."""
    width = sum(part.config.hidden_size for part in parts)
    spare = math.ceil(parts[-1].config.projection_dim / width) if pooled else 0
    return parts[0].length + spare, width


class TextConditioner:
    """Prompt, negative prompt and guidance, and for SD XL the sizes that its training was told of.

    A point of which nothing was said has the empty prompt. ``size`` is that of pictures;
    ``zero_empty``: an empty negative prompt is zeros.
    """

    space = PROMPT

    def __init__(
        self,
        encoders: TextEncoders,
        config: TextUnetConfig,
        size: tuple[int, int],
        guidance: float,
        zero_empty: bool,
        device: torch.device,
    ) -> None:
        self.encoders, self._config, self._size, self._device = encoders, config, size, device
        self._guidance, self._zero_empty = guidance, zero_empty

    def drawn(self, latent: Latent, seeds: Sequence[int]) -> Latent:
        return self.conditioned(latent, Condition())

    def conditioned(self, latent: Latent, condition: Condition) -> Latent:
        count, zeros = latent.batch, self._zero_empty and not condition.negative_prompt
        negative = torch.zeros(self.encoders.shape, device=self._device)
        negative = negative if zeros else self.encoders.embedding(condition.negative_prompt)
        guidance = self._guidance if condition.guidance is None else condition.guidance
        return replace(
            latent,
            prompt=self.encoders.embedding(condition.prompt).expand(count, -1, -1),
            negative=negative.expand(count, -1, -1),
            guidance=torch.full((count,), float(guidance), device=self._device),
        )

    def place(self, latent: Latent) -> Tensor:
        prompt = self.encoders.embedding("").expand(latent.batch, -1, -1) if latent.prompt is None else latent.prompt
        return prompt.to(self._device, torch.float32)

    def conditioning(self, latent: Latent) -> Conditioning:
        if latent.negative is None or latent.guidance is None:
            # As those that a method makes of x_T alone.
            said = self.conditioned(latent, Condition())
            latent = replace(latent, negative=said.negative, guidance=said.guidance)
        prompt = latent.tensors.get(PROMPT, self.place(latent)).to(self._device, torch.float32)
        told, negative = latent.guidance, latent.negative
        if told is None or negative is None:
            raise ValueError("a prompt without what it is led away from")
        if (width := self._config.time_cond_proj_dim) is not None:  # told, and not led
            inputs = {**self._inputs(prompt), "timestep_cond": guidance_embedding(told - 1.0, width)}
            return Conditioning(inputs, None, digest_of(prompt) + digest_of(told))
        guidance = effective(told)
        if guidance is None or torch.equal(negative, prompt):  # led away from where it goes it stays there
            return Conditioning(self._inputs(prompt), None, digest_of(prompt))
        both = torch.cat([negative.to(prompt), prompt])
        return Conditioning(self._inputs(both), guidance, digest_of(both) + digest_of(guidance))

    def _inputs(self, embeddings: Tensor) -> dict[str, Any]:
        tokens, whole = self.encoders.split(embeddings)
        if not self._config.takes_sizes:
            return {"encoder_hidden_states": tokens}
        # The original size, where it was cut, and the size that is drawn.
        sizes = torch.tensor([*self._size, 0, 0, *self._size], dtype=tokens.dtype, device=self._device)
        added = {"text_embeds": whole, "time_ids": sizes.expand(len(tokens), -1)}
        return {"encoder_hidden_states": tokens, "added_cond_kwargs": added}


def guidance_embedding(weights: Tensor, width: int) -> Tensor:
    """(B, width): sines, then cosines, of 1000 · ``weights`` (B,), as latent consistency models are told of the
    strength of guidance less 1 (Luo et al. 2023; the frequencies are those of diffusers)."""
    half = width // 2
    rates = torch.exp(torch.arange(half, device=weights.device) * -(math.log(10_000.0) / (half - 1)))
    angles = 1000.0 * weights[:, None].float() * rates
    return torch.nn.functional.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, width % 2))
