"""What families are called."""

from __future__ import annotations

from explorer.generators.registry import families
from explorer.scene.family_text import TITLES, families_text, family_text


def test_every_family_has_a_title_for_readers() -> None:
    assert set(TITLES) == set(families())
    assert not [title for title in TITLES.values() if "_" in title]


def test_several_families_are_listed_in_words() -> None:
    assert family_text("stylegan2") == "StyleGAN2"
    assert family_text("my_flow") == "my flow"  # added from elsewhere
    assert families_text(("stylegan2",)) == "StyleGAN2"
    assert families_text(("qlae", "stylegan2", "vae")) == "QLAE, StyleGAN2 and VAE"
