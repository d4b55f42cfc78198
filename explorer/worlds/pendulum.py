"""A pendulum, a sun and the pendulum's shadow: the causal world of CausalVAE (Yang et al., CVPR 2021), drawn anew.

The pendulum's angle and the sun's direction cause the shadow's length and position. Lengths are in the units of the
original, whose canvas is 20 wide; the formulas are the projections of its pivot and of the bob's tip onto the ground.
The shadow is never shorter than 3: there the mechanism cannot be inverted, and moving the pendulum may change nothing.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.causal.mechanisms.closed_form import ClosedForm
from explorer.causal.noise_laws import cut_normal
from explorer.worlds.base import Array, Factor, World, on_grid
from explorer.worlds.drawing import Canvas, box, columns, coverage, disc, in_blocks, segment, smooth
from explorer.worlds.reading import middle, planes_of, round_area, rounded, seen, share, whole

Values = NDArray[np.float64]

PIVOT = (10.0, 10.5)
ARM, BOB_RADIUS = 8.0, 1.5
TIP = ARM + BOB_RADIUS
SUN_HEIGHT, SUN_RADIUS = 20.5, 3.0
GROUND = -0.5  # the height of the plane that the shadow falls on
SHORTEST = 3.0
DEVIATION = 0.2
"""Standard deviation of the noise on the shadow's length and position. The original has none; with a little, abduction
recovers something from a row, and the noise stays below a pixel."""

# What the picture spans: the sun and every shadow that the mechanisms give are inside.
ACROSS, UPWARDS = (-3.0, 23.0), (23.7, -2.3)
HORIZON = 0.35
SHADOW_HALF = 0.45
ROD_HALF, KNOB_RADIUS = 0.24, 0.5
BLOCK = 32  # rows drawn together

SKY_TOP, SKY_LOW = np.array([0.47, 0.68, 0.89], np.float32), np.array([0.93, 0.94, 0.91], np.float32)
GROUND_FAR, GROUND_NEAR = np.array([0.66, 0.73, 0.55], np.float32), np.array([0.55, 0.64, 0.45], np.float32)
SUN, GLOW = np.array([1.0, 0.66, 0.16], np.float32), np.array([1.0, 0.95, 0.78], np.float32)
ROD, BOB, SHADOW = (
    np.array([0.21, 0.24, 0.31], np.float32),
    np.array([0.72, 0.15, 0.14], np.float32),
    np.array([0.24, 0.30, 0.25], np.float32),
)
GLOW_RADIUS = 9.0
SHADING = 0.16  # how much lighter the bob's sunny side is
REDNESS = float(1.0 - SHADING) * float(BOB[0] - (BOB[1] + BOB[2]) / 2)  # of its other side; all else has nearly none


def sun_position(light: Values) -> Values:
    """Where the sun's centre is, across, for its direction in degrees (90 is above the pivot)."""
    phi = np.radians(light)
    return np.asarray(PIVOT[0] + (SUN_HEIGHT - PIVOT[1]) * np.cos(phi) / np.sin(phi))


def unclipped_length(angle: Tensor, light: Tensor) -> Tensor:
    """The distance between the shadows of pivot and tip, of angles in degrees, before it is held at 3 or more."""
    theta, phi = torch.deg2rad(angle), torch.deg2rad(light)
    return TIP * torch.cos(theta - phi).abs() / torch.sin(phi)


def shadow_middle(angle: Tensor, light: Tensor) -> Tensor:
    """The point half-way between the shadows of pivot and tip, of angles in degrees."""
    theta, phi = torch.deg2rad(angle), torch.deg2rad(light)
    height = PIVOT[1] - GROUND - TIP / 2 * torch.cos(theta)
    return PIVOT[0] + TIP / 2 * torch.sin(theta) - height * torch.cos(phi) / torch.sin(phi)


def _length_noise(parents: Tensor, length: Tensor) -> Tensor:
    return torch.where(length > SHORTEST, length - unclipped_length(*parents.T), torch.nan)


def _length_span(parents: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
    """Of the noises that leave the shadow at its shortest."""
    most = SHORTEST - unclipped_length(*parents.T)
    return torch.full_like(most, -math.inf), most


def _steps(start: int, stop: int, step: float, without: int | None = None) -> tuple[float, ...]:
    return tuple(round(k * step, 6) for k in range(start, stop + 1) if k != without)


class Pendulum(World):
    """Angle of the pendulum (84 levels, degrees from straight down, positive to the right) and direction of the light
    (87 levels, degrees; 90 itself is left out as in the original) → length and position of the shadow.

    length = max(3, closed form + noise), position = closed form + noise.
    """

    name = "pendulum"
    title = "Pendulum and shadow"
    sizes = (64, 96)
    factors = (
        Factor("angle", _steps(-40, 43, 0.9), unit="°"),
        Factor("light", _steps(60, 147, 0.9, without=100), unit="°"),
        Factor("shadow_length", _steps(10, 44, 0.3)),
        Factor("shadow_position", _steps(3, 41, 0.5)),
    )
    mechanisms = {  # noqa: RUF012
        "angle": on_grid(factors[0]),
        "light": on_grid(factors[1]),
        "shadow_length": ClosedForm(
            ("angle", "light"),
            cut_normal(DEVIATION),
            lambda parents, noise: torch.clamp(unclipped_length(*parents.T) + noise, min=SHORTEST),
            _length_noise,
            _length_span,
        ),
        "shadow_position": ClosedForm(
            ("angle", "light"),
            cut_normal(DEVIATION),
            lambda parents, noise: shadow_middle(*parents.T) + noise,
            lambda parents, value: value - shadow_middle(*parents.T),
        ),
    }
    measured = ("angle", "light", "shadow_length", "shadow_position")

    def clipped(self, factors: Array) -> NDArray[np.bool_]:
        """(n,) where the shadow is as short as it gets: its length does not tell the noise (:meth:`abduct` gives NaN),
        and other angles give it too."""
        return np.asarray(factors[:, self.column("shadow_length")] <= SHORTEST)

    def render(self, factors: Array, size: int | None = None) -> NDArray[np.uint8]:
        """(n, size, size, 3) pictures of (n, 4) values. The shadow is drawn from its own length and position, whatever
        angle and light are. Raises ValueError for a light outside 1..179° and a length below 0, besides what
        :meth:`checked` refuses."""
        rows, size = self.checked(factors, size)
        if ((np.abs(rows[:, 1] - 90.0) > 89.0) | (rows[:, 2] < 0.0)).any():
            raise ValueError(f"{self.name} has light from 1° to 179° and lengths of 0 or more")
        return in_blocks(_draw, rows, size, BLOCK)

    def measure(self, pictures: NDArray[np.uint8]) -> Array:
        """(n, 4) of (n, size, size, 3) pictures: the angle from the middle of what is red, the light from the middle
        of the sun, the shadow from its area and middle on the ground. NaN for what is missing, or for a sun or a
        shadow that the picture's edge cuts."""
        planes, canvas = planes_of(pictures), rounded(_backdrop(1, pictures.shape[1]))

        sky = canvas.region(ACROSS[0], UPWARDS[0], ACROSS[1], SUN_HEIGHT - SUN_RADIUS - 1.0)
        lit = np.clip(2.0 * share(planes, canvas, sky, SUN) - 1.0, 0.0, 1.0)  # the glow is less than half a sun
        sun = whole(lit, middle(lit, sky.x))

        air = canvas.region(ACROSS[0], SUN_HEIGHT - GLOW_RADIUS, ACROSS[1], HORIZON)  # below the glow
        red, green, blue = planes[:, :, air.rows, air.across]
        bob = np.clip((red - (green + blue) / 2.0) / REDNESS * 1.25 - 0.25, 0.0, 1.0)

        floor = canvas.region(ACROSS[0], GROUND + 0.8, ACROSS[1], GROUND - 0.8)
        dark = seen(share(planes, canvas, floor, SHADOW))
        length = (round_area(dark, floor.pixel) + (4.0 - np.pi) * SHADOW_HALF**2) / (2.0 * SHADOW_HALF)  # round ends

        found = np.stack(
            [
                np.degrees(np.arctan2(middle(bob, air.x) - PIVOT[0], PIVOT[1] - middle(bob, air.y))),
                np.degrees(np.arctan2(SUN_HEIGHT - PIVOT[1], sun - PIVOT[0])),
                whole(dark, length),
                whole(dark, middle(dark, floor.x)),
            ],
            axis=1,
        )
        return found.astype(np.float32)


def _backdrop(n: int, size: int) -> Canvas:
    """Sky and ground."""
    canvas = Canvas(n, size, x=ACROSS, y=UPWARDS)
    whole = canvas.whole
    for plane, low, top, far, near in zip(canvas.planes, SKY_LOW, SKY_TOP, GROUND_FAR, GROUND_NEAR, strict=True):
        sky = low + (top - low) * smooth(whole.y, HORIZON - 4.0, UPWARDS[0])
        ground = far + (near - far) * smooth(whole.y, HORIZON, UPWARDS[1])
        plane[:] = sky + (ground - sky) * coverage(whole.y - HORIZON, whole.pixel)
    return canvas


def _draw(rows: Array, size: int) -> NDArray[np.uint8]:
    canvas = _backdrop(len(rows), size)
    angle, light = rows[:, 0].astype(np.float64), rows[:, 1].astype(np.float64)
    sun_x, theta = sun_position(light), np.radians(angle)
    bob_x, bob_y = PIVOT[0] + ARM * np.sin(theta), PIVOT[1] - ARM * np.cos(theta)
    to_sun = np.stack([sun_x - bob_x, SUN_HEIGHT - bob_y])
    to_sun /= np.linalg.norm(to_sun, axis=0)

    left, right = sun_x.min() - GLOW_RADIUS, sun_x.max() + GLOW_RADIUS
    area = canvas.region(left, UPWARDS[0], right, SUN_HEIGHT - GLOW_RADIUS)
    distance = disc(area.x, area.y, columns(sun_x), SUN_HEIGHT, SUN_RADIUS)
    glow = smooth(distance, GLOW_RADIUS - SUN_RADIUS, -SUN_RADIUS)
    canvas.paint(area, glow * glow * 1.1, GLOW)
    canvas.paint(area, coverage(distance, area.pixel), SUN)

    floor = canvas.region(ACROSS[0], GROUND + 1.0, ACROSS[1], GROUND - 1.0)
    half, middle = columns(rows[:, 2] / 2), columns(rows[:, 3])
    corner = np.minimum(half, SHADOW_HALF)
    shadow = box(floor.x, floor.y, middle, GROUND, half, SHADOW_HALF, corner)
    canvas.paint(floor, coverage(shadow, floor.pixel), SHADOW)

    margin = BOB_RADIUS + 0.5
    left, right = min(bob_x.min(), PIVOT[0]) - margin, max(bob_x.max(), PIVOT[0]) + margin
    area = canvas.region(left, max(bob_y.max(), PIVOT[1]) + margin, right, bob_y.min() - margin)
    x, y = columns(bob_x), columns(bob_y)
    rod = segment(area.x, area.y, PIVOT[0], PIVOT[1], x, y, ROD_HALF)
    knob = disc(area.x, area.y, PIVOT[0], PIVOT[1], KNOB_RADIUS)
    canvas.paint(area, coverage(np.minimum(rod, knob), area.pixel), ROD)
    towards = ((area.x - x) * columns(to_sun[0]) + (area.y - y) * columns(to_sun[1])) / BOB_RADIUS
    shade = 1.0 + SHADING * np.clip(towards, -1.0, 1.0)
    distance = disc(area.x, area.y, x, y, BOB_RADIUS)
    canvas.paint(area, coverage(distance, area.pixel), np.asarray(BOB[:, None, None, None] * shade, np.float32))
    return canvas.pictures()


WORLD = Pendulum()
