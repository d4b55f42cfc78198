"""The portrait of the ``faces`` world: flat shapes with soft shading, drawn from back to front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from explorer.worlds.drawing import (
    Canvas,
    Plane,
    Region,
    box,
    columns,
    coverage,
    disc,
    ellipse,
    joined,
    ring,
    segment,
    smooth,
)

Numbers = NDArray[np.float32]
Colour = NDArray[np.float32]  # (3,) or (n, 3)


def rgb(text: str) -> Colour:
    """A colour written as six hexadecimal digits."""
    return np.array([int(text[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / np.float32(255)


SKINS = np.stack([rgb(c) for c in ("ffe3cf", "f6c9a4", "e0a478", "b87a4f", "965f3d", "6d442e")])
HAIRS = np.stack([rgb(c) for c in ("221a1d", "43291f", "6f4127", "a5582c", "cf9148", "ecc77c")])
GREY = rgb("d9d8d6")
LIPS, MOUTH, TEETH = rgb("c04a4f"), rgb("6b1f2c"), rgb("fffaf3")
WHITE, IRIS, PUPIL, LASH = rgb("fdfcfa"), rgb("4a6b74"), rgb("1d1a20"), rgb("2a1d1e")
FRAME = rgb("26303f")
CLOTH, CLOTH_LIGHT = rgb("3f5f7f"), rgb("f2ede4")
BLUSH = rgb("f0785f")


def ramp(colours: NDArray[np.float32], where: Numbers) -> Colour:
    """(n, 3) colours between the given ones; ``where`` in 0..1."""
    place = np.clip(where, 0.0, 1.0) * (len(colours) - 1)
    low = np.minimum(place.astype(np.int64), len(colours) - 2)
    share = (place - low)[:, None].astype(np.float32)
    return np.asarray(colours[low] * (1 - share) + colours[low + 1] * share, np.float32)


def hue_colours(hue: Numbers) -> tuple[Colour, Colour]:
    """Two soft colours (n, 3) of a hue in turns: for the top and the bottom of the background."""
    turns = 2 * np.pi * (hue[:, None] + np.array([0.0, -1 / 3, 1 / 3], np.float32))
    wave = np.cos(turns).astype(np.float32)
    return np.float32(0.80) + np.float32(0.13) * wave, np.float32(0.62) + np.float32(0.17) * wave


class Portrait:
    """Draws rows of named values (each (n,) float32) on one canvas."""

    def __init__(self, values: dict[str, Numbers], size: int) -> None:
        self.n = len(values["skin"])
        self.v = {name: columns(value) for name, value in values.items()}
        self.canvas = Canvas(self.n, size, x=(-0.9, 0.9), y=(-0.93, 0.87))
        self.skin = ramp(SKINS, values["skin"])
        grey = (values["hair_grey"] * np.float32(0.92))[:, None]
        self.hair = ramp(HAIRS, values["hair_colour"]) * (1 - grey) + GREY * grey
        self.male = columns((values["sex"] > 0.5).astype(np.float32))
        turn = self.v["head_turn"]
        self.head_x = turn * 0.035
        self.face_x = turn * 0.135  # of the features, which stand before the head's middle
        self.nose_x = turn * 0.185
        self.narrow = 1.0 - 0.10 * np.abs(turn)
        self.half = 0.445 + 0.05 * self.v["head_width"] + 0.012 * self.male
        self.top, self.chin = -0.53, 0.545
        self.background = values["background"]

    def drawn(self) -> NDArray[np.uint8]:
        self._background()
        self._hair_behind()
        self._body()
        self._ears()
        self._head()
        self._lines()
        self._beard()
        self._nose()
        self._mouth()
        self._eyes()
        self._brows()
        self._hair_before()
        self._glasses()
        self._light()
        return self.canvas.pictures()

    # Parts, back to front

    def _background(self) -> None:
        whole = self.canvas.whole
        light, deep = hue_colours(self.background)
        t = np.clip((whole.y + 1.0) * 0.5, 0, 1)
        glow = smooth(np.sqrt(whole.x * whole.x + (whole.y + 0.1) ** 2), 1.15, 0.2)
        for channel, plane in enumerate(self.canvas.view(whole)):
            top, low = columns(light[:, channel]), columns(deep[:, channel])
            base = top + (low - top) * t
            plane += base + (1.0 - base) * glow * np.float32(0.38)

    def _hair_behind(self) -> None:
        length = self.v["hair_length"]
        area = self.canvas.region(-0.8, -0.75, 0.8, 0.95)
        x, y = area.x - self.head_x * 0.3, area.y
        bottom = 0.02 + 0.84 * length
        wide = self.half * 0.93 + 0.17 * smooth(length, 0.05, 0.6)
        crown = ellipse(x, y, 0.0, -0.14, wide, 0.50)
        low = bottom + 0.06 * np.cos(x * 5.0)
        sides = np.abs(x) - wide * (0.98 + 0.07 * smooth(y, 0.0, 0.9))
        corner = np.sqrt(np.maximum(sides + 0.16, 0.0) ** 2 + np.maximum(y - low + 0.16, 0.0) ** 2) - 0.16
        fall = np.maximum(np.maximum(corner, sides), np.maximum(y - low, -0.14 - y))
        strands = 0.93 + 0.07 * np.sin(x * 26.0 + np.sin(y * 5.0) * 0.9)
        behind = (self.hair * np.float32(0.70)).T[:, :, None, None]
        self.canvas.paint(area, coverage(np.minimum(crown, fall), area.pixel), behind * strands)

    def _body(self) -> None:
        area = self.canvas.region(-1.0, 0.3, 1.0, 1.0)
        x, y = area.x, area.y
        shoulder = 0.80 + 0.02 * self.male
        body = ellipse(x, y, 0.0, 1.32, shoulder + 0.02, 0.60)
        cloth = CLOTH[:, None, None, None] * (0.92 + 0.14 * smooth(y, 1.0, 0.7))
        self.canvas.paint(area, coverage(body, area.pixel), np.broadcast_to(cloth, (3, 1, *cloth.shape[2:])))
        neck_half = 0.185 + 0.035 * self.male
        opening = ellipse(x, y, 0.0, 0.74, neck_half + 0.10, 0.20)
        self.canvas.paint(area, coverage(np.maximum(opening, body), area.pixel), CLOTH_LIGHT)
        opening = ellipse(x, y, 0.0, 0.73, neck_half + 0.045, 0.165)
        neck = joined(box(x, y, 0.0, 0.55, neck_half, 0.22, 0.05), opening, 0.08)
        self.canvas.paint(area, coverage(neck, area.pixel), self.skin * np.float32(0.88))
        shade = smooth(ellipse(x, y, self.head_x * 1.5, 0.44, self.half * 0.80, 0.30), 0.05, -0.12)
        self.canvas.multiply(area, coverage(neck, area.pixel) * shade, rgb("b98576"))

    def _head_shape(self, area: Region) -> Plane:
        x = area.x - self.head_x
        y = area.y
        jaw = 1.0 - (0.17 - 0.05 * self.v["head_width"] - 0.05 * self.male) * smooth(y, 0.0, 0.55)
        upper = ellipse(x, y, 0.0, 0.0, self.half, 0.545)
        lower = ellipse(x / jaw, y, 0.0, 0.02, self.half, self.chin)
        return np.where(y < 0.0, upper, lower)

    def _ears(self) -> None:
        turn = self.v["head_turn"]
        for side in (-1.0, 1.0):
            area = self.canvas.region(side * 0.52 - 0.22, -0.2, side * 0.52 + 0.22, 0.24)
            cx = side * (self.half + 0.005) - 0.05 * turn - 0.03 * side * np.maximum(side * turn, 0.0)
            outer = ellipse(area.x, area.y, cx, 0.03, 0.085, 0.125)
            self.canvas.paint(area, coverage(outer, area.pixel), self.skin * np.float32(0.93))
            inner = ellipse(area.x, area.y, cx + side * 0.008, 0.03, 0.045, 0.075)
            self.canvas.multiply(area, coverage(inner, area.pixel) * 0.7, rgb("d79a88"))

    def _head(self) -> None:
        area = self.canvas.region(-0.62, -0.66, 0.62, 0.68)
        shape = self._head_shape(area)
        self.face = coverage(shape, area.pixel)
        self.face_area = area
        self.canvas.paint(area, self.face, self.skin)
        rim = smooth(shape, -0.20, 0.02) * self.face
        self.canvas.multiply(area, rim * 0.55, rgb("cf9a86"))
        # The side away from the light lies in shadow.
        across = (area.x - self.head_x) / self.half
        shadow = smooth(across + 0.25 * area.y, -0.15, 1.0) * self.face * self.v["shadow"]
        self.canvas.multiply(area, shadow, rgb("8f6470"))
        for side in (-1.0, 1.0):
            cx = self.face_x + side * 0.255 * self.narrow
            cheek = smooth(disc(area.x, area.y * 1.25, cx, 0.20, 0.0), 0.17, 0.0) * self.face
            self.canvas.paint(
                area,
                cheek
                * (0.30 + 0.10 * (1 - self.male))
                * (1.0 - 0.55 * columns(np.clip(1 - self.skin[:, 0] * 1.1, 0, 1))),
                BLUSH,
            )

    def _stroke(self, area: Region, distance: Plane, opacity: Plane | float, colour: Colour) -> None:
        self.canvas.paint(area, coverage(distance, area.pixel) * opacity, colour)

    def _lines(self) -> None:
        amount = self.v["wrinkles"]
        ink = self.skin * np.float32(0.62)
        area = self.canvas.region(-0.45, -0.42, 0.45, -0.18)
        for step, height in enumerate((-0.355, -0.30, -0.245)):
            x = area.x - self.face_x
            curve = area.y - (height + 0.10 * x * x)
            mark = np.maximum(np.abs(curve) - 0.009, np.abs(x) - (0.19 + 0.03 * step))
            self._stroke(area, mark, amount * 0.75, ink)
        for side in (-1.0, 1.0):
            area = self.canvas.region(side * 0.25 - 0.42, -0.15, side * 0.25 + 0.42, 0.5)
            eye = self.face_x + side * 0.20 * self.narrow
            for fan in (-0.05, 0.015, 0.075):  # crow's feet
                mark = segment(
                    area.x, area.y, eye + side * 0.145, fan * 0.5 - 0.02, eye + side * 0.205, fan - 0.02, 0.008, 0.004
                )
                self._stroke(area, mark, amount * 0.7, ink)
            bag = np.maximum(np.abs(ellipse(area.x, area.y, eye, 0.015, 0.115, 0.10)) - 0.008, 0.07 - area.y)
            self._stroke(area, bag, 0.25 + amount * 0.45, ink)
            x0 = self.face_x + side * 0.115
            fold = segment(area.x, area.y, x0, 0.19, x0 + side * 0.10, 0.345, 0.009, 0.006)
            self._stroke(area, fold, amount * 0.8, ink)

    def _beard(self) -> None:
        amount = self.v["beard"]
        area = self.face_area
        x, y = area.x - self.face_x, area.y
        side = np.abs(x)
        cheek = 0.285 - 0.95 * side * np.sqrt(side)
        region = smooth(y - cheek, -0.03, 0.05)
        lip = smooth(ellipse(x, y, 0.0, 0.345, 0.205, 0.085), -0.015, 0.03)
        dense = smooth(amount, 0.0, 0.9)
        self.canvas.paint(area, region * lip * self.face * dense * 0.93, self.hair * np.float32(0.80))
        moustache = np.minimum(
            segment(x, y, -0.02, 0.265, -0.165, 0.315, 0.042, 0.016),
            segment(x, y, 0.02, 0.265, 0.165, 0.315, 0.042, 0.016),
        )
        self._stroke(area, moustache, dense * 0.93, self.hair * np.float32(0.76))

    def _nose(self) -> None:
        area = self.canvas.region(-0.35, -0.12, 0.35, 0.30)
        ink = self.skin * np.float32(0.72)
        tip = self.nose_x
        bridge = segment(area.x, area.y, self.face_x + 0.04, -0.06, tip + 0.055, 0.16, 0.012, 0.02)
        self._stroke(area, bridge, 0.30, ink)
        ball = ring(ellipse(area.x, area.y, tip, 0.15, 0.075, 0.062), 0.012)
        self._stroke(area, np.maximum(ball, 0.165 - area.y), 0.85, ink)
        shine = ellipse(area.x, area.y, tip - 0.012, 0.125, 0.03, 0.035)
        self.canvas.paint(area, smooth(shine, 0.03, -0.02) * 0.35, WHITE)

    def _mouth(self) -> None:
        area = self.canvas.region(-0.42, 0.22, 0.42, 0.56)
        smile, gap = self.v["smile"], self.v["mouth_open"]
        x, y = (area.x - self.face_x - 0.1 * self.v["head_turn"] * 0.1) / self.narrow, area.y
        wide = 0.155 + 0.030 * smile
        across = x / wide
        corners = 0.352 - 0.035 * smile
        bend = 0.050 * smile + 0.012
        middle = corners + bend * (1.0 - across * across)
        dip = 1.0 - across * across
        upper = middle - (0.012 + 0.030 * gap) * dip
        lower = middle + (0.008 + 0.085 * gap) * dip
        inside_x = (np.abs(across) - 1.0) * wide
        lip_up, lip_low = 0.024 + 0.006 * (1 - self.male), 0.034 + 0.010 * (1 - self.male)
        taper = np.sqrt(np.clip(dip, 0.0, 1.0))
        lips = np.maximum(np.maximum(upper - lip_up * taper - y, y - lower - lip_low * taper), inside_x)
        colour = self.skin * np.float32(0.45) + LIPS * np.float32(0.55) * (0.55 + 0.45 * self.skin[:, :1])
        self._stroke(area, lips, 0.80 + 0.20 * (1 - self.male), colour)
        hole = np.maximum(np.maximum(upper - y, y - lower), inside_x + 0.006)
        self._stroke(area, hole, smooth(gap, 0.0, 0.12), MOUTH)
        teeth = np.maximum(hole, y - upper - 0.040 * dip)
        self._stroke(area, teeth, smooth(gap, 0.08, 0.25), TEETH)
        closed = np.maximum(np.abs(y - (upper + lower) / 2) - 0.008, inside_x - 0.006)
        self._stroke(area, closed, 1.0 - smooth(gap, 0.0, 0.12), LIPS * np.float32(0.50))

    def _eyes(self) -> None:
        opened, gaze = self.v["eye_openness"], self.v["gaze"]
        for side in (-1.0, 1.0):
            centre = self.face_x + side * 0.20 * self.narrow
            area = self.canvas.region(side * 0.20 - 0.32, -0.17, side * 0.20 + 0.32, 0.12)
            x, y = area.x - centre, area.y + 0.025
            half, tall = 0.112, 0.026 + 0.060 * opened
            round_ = np.clip(1.0 - (x / half) ** 2, 0.0, 1.0)
            lid, under = -tall * round_**0.75, tall * 0.80 * round_
            almond = np.maximum(np.maximum(lid - y, y - under), np.abs(x) - half)
            inside = coverage(almond, area.pixel)
            self.canvas.paint(area, inside, WHITE)
            ix = gaze * 0.046 + 0.010 * self.v["head_turn"]
            self.canvas.paint(area, coverage(disc(x, y, ix, -0.006, 0.060), area.pixel) * inside, IRIS)
            self.canvas.paint(area, coverage(disc(x, y, ix, -0.006, 0.031), area.pixel) * inside, PUPIL)
            self.canvas.paint(area, coverage(disc(x, y, ix - 0.020, -0.026, 0.017), area.pixel) * inside, WHITE)
            thick = 0.014 + 0.008 * (1 - self.male)
            upper = np.maximum(np.abs(y - lid) - thick, np.abs(x) - half - 0.004)
            self._stroke(area, upper, 0.95, LASH)
            wing = segment(x, y, side * half * 0.9, -0.02, side * (half + 0.04), -0.055, 0.014, 0.004)
            self._stroke(area, wing, (1 - self.male) * 0.95, LASH)
            crease = np.maximum(np.abs(y - lid + 0.034) - 0.007, np.abs(x) - half * 0.9)
            self._stroke(area, crease, 0.45, self.skin * np.float32(0.62))

    def _brows(self) -> None:
        lift = self.v["brow"]
        ink = self.hair * np.float32(0.72)
        for side in (-1.0, 1.0):
            centre = self.face_x + side * 0.20 * self.narrow
            area = self.canvas.region(side * 0.20 - 0.34, -0.42, side * 0.20 + 0.34, -0.08)
            inner_y, outer_y = -0.192 - 0.048 * lift, -0.182 + 0.020 * lift
            peak_y = -0.222 - 0.026 * lift
            inner, outer = centre - side * 0.105, centre + side * 0.140
            peak = centre + side * 0.045
            wide = 0.019 + 0.011 * self.male
            mark = np.minimum(
                segment(area.x, area.y, inner, inner_y, peak, peak_y, wide),
                segment(area.x, area.y, peak, peak_y, outer, outer_y, wide, wide * 0.45),
            )
            self._stroke(area, mark, 0.95, ink)

    def _hair_before(self) -> None:
        length = self.v["hair_length"]
        area = self.canvas.region(-0.72, -0.86, 0.72, 0.25)
        x, y = area.x - self.head_x * 0.8, area.y
        volume = 0.035 + 0.045 * length
        cap = ellipse(x, y, 0.0, -0.06, self.half + 0.030 + volume * 0.6, 0.565 + volume)
        # The hair line: high and level where hair is short, parted on one side where it is long.
        part = x + 0.10 + self.face_x * 0.55
        line = -0.375 + (0.50 + 0.50 * length) * part * part
        temple = smooth(np.abs(x - self.face_x * 0.45) - self.half * 0.84, 0.0, 0.11)
        line = line + temple * (0.14 + 0.36 * length)
        # Short hair lies close to the head, so that nothing stands out at the temples.
        close = np.abs(x) - (self.half + 0.045 + 0.03 * length - (1.0 - length) * 0.11 * smooth(y, -0.40, -0.02))
        fringe = np.maximum(np.maximum(cap, (y - line) * 0.85), close)
        opacity = coverage(fringe, area.pixel)
        strands = 0.965 + 0.035 * np.sin(x * 30.0 + part * y * 16.0)
        self.canvas.paint(area, opacity, self.hair.T[:, :, None, None] * strands)
        arch = np.abs(np.sqrt(x * x * 0.9 + (y - 0.02) ** 2) - 0.545)
        gloss = smooth(arch, 0.055, 0.0) * smooth(np.abs(x + 0.13), 0.36, 0.10)
        self.canvas.paint(area, opacity * gloss * 0.30, self.hair * np.float32(0.45) + np.float32(0.55))
        edge = smooth(y - line, -0.10, 0.0) * opacity
        self.canvas.multiply(area, edge * 0.45, rgb("a08a86"))
        outer = smooth(cap, -0.12, 0.0) * opacity
        self.canvas.multiply(area, outer * 0.35, rgb("9a8684"))

    def _glasses(self) -> None:
        worn = self.v["glasses"]
        for side in (-1.0, 1.0):
            centre = self.face_x + side * 0.203 * self.narrow
            area = self.canvas.region(side * 0.20 - 0.45, -0.24, side * 0.20 + 0.45, 0.20)
            lens = box(area.x, area.y, centre, -0.005, 0.155 * self.narrow, 0.125, 0.085)
            self.canvas.paint(area, coverage(lens, area.pixel) * worn * 0.10, WHITE)
            self._stroke(area, ring(lens, 0.016), worn, FRAME)
            arm = segment(
                area.x, area.y, centre + side * 0.155, -0.05, self.head_x + side * (self.half + 0.01), -0.035, 0.015
            )
            self._stroke(area, arm, worn, FRAME)
        area = self.canvas.region(-0.30, -0.12, 0.30, 0.06)
        bridge = segment(area.x, area.y, self.face_x - 0.05, -0.045, self.face_x + 0.05, -0.045, 0.016)
        self._stroke(area, bridge, worn, FRAME)

    def _light(self) -> None:
        factor = 0.60 + 0.52 * self.v["brightness"]
        planes = self.canvas.planes
        planes *= factor[None]
        np.clip(planes, 0.0, 1.0, out=planes)
