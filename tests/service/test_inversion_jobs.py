"""Pictures of one's own by way of the engine process: what is told meanwhile, and what cancelling leaves."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from service_desk import Desk, view

from explorer.scene.inversion import InversionOptions
from explorer.scene.model import ModelRef
from explorer.service import replies, requests

GAN = ModelRef(path="shapes-stylegan2")
VAE = ModelRef(path="shapes-btcvae")


def photograph() -> bytes:
    x, y = np.meshgrid(np.arange(90), np.arange(70))
    written = io.BytesIO()
    Image.fromarray(np.stack([x * 2, y * 3, x + y], -1).astype(np.uint8)).save(written, "PNG")
    return written.getvalue()


def ask(desk: Desk, model: ModelRef, **more: object) -> int:
    number = desk.client.next_request_id()
    desk.client.send(requests.InvertPicture(request_id=number, model=model, name="holiday.png", **more))  # type: ignore[arg-type]
    return number


def test_a_file_and_the_bytes_of_one_become_the_same_point(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "holiday.png"
    path.write_bytes(photograph())
    number = ask(desk, VAE, path=str(path))
    read = desk.wait_for(replies.InversionPreview)
    assert read.request_id == number
    assert Image.open(io.BytesIO(read.original)).size == (64, 64)
    assert "cropped to the middle square" in read.reading
    done = desk.wait_for(replies.PictureInverted)
    assert (done.model, done.stopped, done.note) == (VAE, False, "")
    assert done.point.own is not None
    assert done.point.own.png == read.original
    drawn, meant = (np.asarray(Image.open(io.BytesIO(one)), float) / 255 for one in (done.picture, read.original))
    assert abs(-10 * np.log10(np.mean((drawn - meant) ** 2)) - done.point.own.psnr) < 0.1
    ask(desk, VAE, data=photograph())
    assert desk.wait_for(replies.PictureInverted).point == done.point


def test_cancelling_answers_with_the_best_and_pictures_are_drawn_meanwhile(desk: Desk) -> None:
    number = ask(desk, GAN, data=photograph(), options=InversionOptions(steps=50_000))
    figures = [
        desk.wait_for(replies.InversionPreview, lambda told: bool(told.picture)).psnr,
        desk.wait_for(replies.InversionPreview).psnr,
    ]
    desk.picture(0, view(1, z0=1.0))
    desk.client.send(requests.Cancel(request_id=number))
    done = desk.wait_for(replies.PictureInverted)
    assert (done.request_id, done.stopped) == (number, True)
    assert done.note == "Stopped; the best so far is kept"
    assert done.point.own is not None
    assert [*figures, done.point.own.psnr + 0.01] == sorted([*figures, done.point.own.psnr + 0.01])


def test_what_is_no_picture_is_refused(desk: Desk) -> None:
    ask(desk, VAE, data=b"no picture")
    refused = desk.wait_for(replies.Refused)
    assert refused.kind == "input"
    assert refused.sentence.startswith("'holiday.png' cannot be read")
