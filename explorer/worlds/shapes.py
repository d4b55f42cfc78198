"""A room with one object: ray-cast pictures on the factor grid of the 3D Shapes data set (Burgess and Kim, 2018).

The picture is linear in three colours. One geometry (shape, scale, orientation) is therefore ray-cast once, into how
much light each pixel takes from the floor, the walls, the object and the highlight; the hues are then a small product.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from explorer.causal.model import Correlations
from explorer.worlds.base import Array, Factor, World, on_grid

Points = NDArray[np.float64]

SIZE = 64
SUBPIXELS = 3  # rays a pixel and axis
HUES = tuple(round(0.1 * step, 1) for step in range(10))

# The room, in metres: z points up, the object stands on the floor at the origin, two walls meet behind it.
CORNER = np.array([0.0, 5.2])
WALL_NORMALS = np.array([[1.0, -1.0], [-1.0, -1.0]]) / math.sqrt(2.0)
CAMERA_DISTANCE = 7.6
CAMERA_ELEVATION = math.radians(21.0)
TARGET_HEIGHT = 1.0
HALF_VIEW = 0.315  # tangent of half the angle of view
KEY_LIGHT = np.array([-0.62, -0.52, 1.0])
KEY_SPREAD = 0.16  # half-width of the area light: how soft the shadow's edge is
KEY_SHARE = 0.46  # of the floor's light; the rest comes from the sky
SKY_LIGHTS = 56
FLOOR_REST = 1e-6  # a shadow ray starts this far above the floor

CUBE, CYLINDER, SPHERE, CAPSULE = range(4)
BOX_TURN = np.array([[1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, math.sqrt(2.0)]]) / math.sqrt(2.0)  # to its axes
CUBE_HALF, CYLINDER_RADIUS, CYLINDER_HEIGHT, SPHERE_RADIUS, CAPSULE_RADIUS, CAPSULE_HEIGHT = (
    0.68,
    0.72,
    1.5,
    0.85,
    0.6,
    2.0,
)

# Saturation and value of floor, walls and object: every hue stays distinct, the object strongest.
SATURATION = np.array([0.52, 0.42, 0.82])
VALUE = np.array([0.90, 0.97, 1.0])


class Shapes(World):
    """Floor hue, wall hue, object hue, scale, shape and orientation, 10·10·10·8·4·15 = 480,000 pictures on the grid."""

    name = "shapes"
    title = "Shapes in a room"
    sizes = (SIZE, 32)
    factors = (
        Factor("floor_hue", HUES, cyclic=True),
        Factor("wall_hue", HUES, cyclic=True),
        Factor("object_hue", HUES, cyclic=True),
        Factor("scale", tuple(float(value) for value in np.linspace(0.75, 1.25, 8))),
        Factor("shape", (0.0, 1.0, 2.0, 3.0), kind="category", labels=("cube", "cylinder", "sphere", "capsule")),
        Factor("orientation", tuple(float(value) for value in np.linspace(-30.0, 30.0, 15)), unit="°"),
    )
    mechanisms = {factor.name: on_grid(factor) for factor in factors}  # noqa: RUF012

    def sample(self, n: int, seed: int, correlations: Correlations | None = None) -> Array:
        """(n, 6) factor values; without correlations drawn as :meth:`independent` draws them, which is quicker."""
        return super().sample(n, seed, correlations) if correlations else self.independent(n, seed)

    def render(self, factors: Array, size: int | None = None) -> NDArray[np.uint8]:
        """(n, size, size, 3) pictures of (n, 6) values. Hues wrap, the shape is rounded, the rest may lie anywhere.

        Raises ValueError for values that are not finite, a shape outside 0..3 or a scale outside 0.1..2.
        """
        rows, side = self.checked(factors, size)
        shapes = np.rint(rows[:, 4]).astype(int)
        if (np.abs(rows[:, 3] - 1.05) > 0.95).any():
            raise ValueError(f"{self.name} has scales 0.1..2")
        colours = _colours(rows[:, :3])
        pictures = np.empty((len(rows), side * side, 3), np.uint8)
        for index, row in enumerate(rows):
            light = geometry(int(shapes[index]), float(row[3]), float(row[5]), side)
            shade = light @ colours[index]
            np.minimum(shade, 255.0, out=shade)
            np.add(shade, 0.5, out=pictures[index], casting="unsafe")
        return pictures.reshape(-1, side, side, 3)


def _colours(hues: Array) -> NDArray[np.float32]:
    """(n, 4, 3) RGB in 0..255 of (n, 3) hues (in turns): floor, walls, object, and the white of the highlight."""
    turns = (hues[..., None] * 6.0 + np.array([0.0, 4.0, 2.0])) % 6.0  # (n, 3, 3): distance to each primary
    full = np.clip(np.abs(turns - 3.0) - 1.0, 0.0, 1.0)
    rgb = VALUE[:, None] * (1.0 - SATURATION[:, None] * (1.0 - full))
    white = np.ones((len(hues), 1, 3))
    return np.asarray(255.0 * np.concatenate([rgb, white], axis=1), np.float32)


@lru_cache(maxsize=2048)  # the grid has 480 geometries of 64 KiB
def geometry(shape: int, scale: float, orientation: float, size: int = SIZE) -> NDArray[np.float32]:
    """(size·size, 4) light that each pixel takes from floor, walls, object (coverage times shading) and highlight; ≥ 0.
    Small pictures are means of the pixels of large ones."""
    part = SIZE // size
    light = _light(shape, scale, orientation).reshape(size, part, size, part, 4).mean(axis=(1, 3)).reshape(-1, 4)
    result: NDArray[np.float32] = light.astype(np.float32)
    result.setflags(write=False)
    return result


def _light(shape: int, scale: float, orientation: float) -> NDArray[np.float64]:
    """The same of 64·64 pixels."""
    camera, rays = _rays(math.radians(orientation), SUBPIXELS)
    depth = _depth(shape, scale, camera, rays)
    seen = np.isfinite(depth)

    floor_depth = np.where(rays[:, 2] < -1e-9, -camera[2] / np.minimum(rays[:, 2], -1e-9), np.inf)
    to_walls = (CORNER - camera[:2]) @ WALL_NORMALS.T  # both negative: the camera is inside the room
    along = rays[:, :2] @ WALL_NORMALS.T
    wall_depths = np.where(along < -1e-9, to_walls / np.minimum(along, -1e-9), np.inf)
    wall_depth = wall_depths.min(axis=1)
    on_floor = ~seen & (floor_depth <= wall_depth)
    on_wall = ~seen & ~on_floor

    light = np.zeros((len(rays), 4))
    light[on_floor, 0] = _corner_shade(camera, rays[on_floor], floor_depth[on_floor])
    light[on_wall, 1] = _wall_shade(camera, rays[on_wall], wall_depth[on_wall], wall_depths[on_wall].argmin(axis=1))
    points = camera + depth[seen, None] * rays[seen]
    light[seen, 2], light[seen, 3] = _object_shade(rays[seen], _normals(shape, scale, points), points)
    fine = light.reshape(SIZE, SUBPIXELS, SIZE, SUBPIXELS, 4).mean(axis=(1, 3)).reshape(-1, 4)
    fine[:, 0] *= _floor_light(shape, scale, math.radians(orientation))
    return np.asarray(fine, np.float64)


def _rays(azimuth: float, subpixels: int) -> tuple[Points, Points]:
    """Position (3,) of the camera that orbits the object, and unit rays (pixels, 3), row by row from the top left."""
    forward = -np.array(
        [
            math.sin(azimuth) * math.cos(CAMERA_ELEVATION),
            -math.cos(azimuth) * math.cos(CAMERA_ELEVATION),
            math.sin(CAMERA_ELEVATION),
        ]
    )
    camera = np.array([0.0, 0.0, TARGET_HEIGHT]) - CAMERA_DISTANCE * forward
    right = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    up = np.cross(right, forward)
    count = SIZE * subpixels
    offsets = HALF_VIEW * ((np.arange(count) + 0.5) / count * 2.0 - 1.0)
    rays = forward + offsets[None, :, None] * right - offsets[:, None, None] * up
    rays = rays.reshape(-1, 3)
    return camera, rays / np.linalg.norm(rays, axis=1, keepdims=True)


def _depth(shape: int, scale: float, origins: Points, rays: Points) -> Points:
    """(n,) depths at which unit rays (n, 3) from ``origins``, (n, 3) or (3,), meet the object; infinite for a miss."""
    origins = np.broadcast_to(origins, rays.shape)
    if shape == CUBE:
        return _depth_of_box(scale * CUBE_HALF, origins, rays)
    if shape == SPHERE:
        return _depth_of_ball(scale * SPHERE_RADIUS, scale * SPHERE_RADIUS, origins, rays)
    if shape == CYLINDER:
        return _depth_of_cylinder(scale * CYLINDER_RADIUS, 0.0, scale * CYLINDER_HEIGHT, origins, rays, capped=True)
    radius, height = scale * CAPSULE_RADIUS, scale * CAPSULE_HEIGHT
    side = _depth_of_cylinder(radius, radius, height - radius, origins, rays, capped=False)
    lower = _depth_of_ball(radius, radius, origins, rays)
    upper = _depth_of_ball(height - radius, radius, origins, rays)
    return np.minimum(side, np.minimum(lower, upper))


def _normals(shape: int, scale: float, points: Points) -> Points:
    """Outward unit normals (n, 3) of the object at ``points`` (n, 3) on its surface."""
    normals = points.copy()
    if shape == CUBE:
        local = (points - np.array([0.0, 0.0, scale * CUBE_HALF])) @ BOX_TURN.T
        face = np.abs(local).argmax(axis=1)
        each = np.arange(len(points))
        flat = np.zeros_like(points)
        flat[each, face] = np.sign(local[each, face])
        return np.asarray(flat @ BOX_TURN)
    if shape == SPHERE:
        normals[:, 2] -= scale * SPHERE_RADIUS
        return normals / (scale * SPHERE_RADIUS)
    if shape == CYLINDER:
        normals[:, 2] = 0.0
        normals /= scale * CYLINDER_RADIUS
        normals[np.abs(points[:, 2] - scale * CYLINDER_HEIGHT) < 1e-9] = (0.0, 0.0, 1.0)
        return normals
    radius = scale * CAPSULE_RADIUS
    normals[:, 2] -= np.clip(points[:, 2], radius, scale * CAPSULE_HEIGHT - radius)
    return normals / radius


def _depth_of_ball(height: float, radius: float, origins: Points, rays: Points) -> Points:
    from_centre = origins - np.array([0.0, 0.0, height])
    half = _dot(from_centre, rays)
    inside = half**2 - _dot(from_centre, from_centre) + radius**2
    depth = -half - np.sqrt(np.maximum(inside, 0.0))
    return np.where((inside > 0.0) & (depth > 0.0), depth, np.inf)


def _depth_of_box(half: float, origins: Points, rays: Points) -> Points:
    """A cube on the floor, its sides parallel to the walls."""
    start = (origins - np.array([0.0, 0.0, half])) @ BOX_TURN.T
    step = rays @ BOX_TURN.T
    step = np.where(np.abs(step) < 1e-12, 1e-12, step)
    near = (-half * np.sign(step) - start) / step
    far = (half * np.sign(step) - start) / step
    entry = np.maximum(np.maximum(near[:, 0], near[:, 1]), near[:, 2])
    leave = np.minimum(np.minimum(far[:, 0], far[:, 1]), far[:, 2])
    return np.where((entry < leave) & (entry > 0.0), entry, np.inf)


def _depth_of_cylinder(radius: float, low: float, high: float, origins: Points, rays: Points, capped: bool) -> Points:
    """An upright cylinder around the z axis, with a lid where ``capped``."""
    a = np.maximum(_dot(rays[:, :2], rays[:, :2]), 1e-12)
    half = _dot(origins[:, :2], rays[:, :2])
    inside = half**2 - a * (_dot(origins[:, :2], origins[:, :2]) - radius**2)
    depth = (-half - np.sqrt(np.maximum(inside, 0.0))) / a
    height = origins[:, 2] + depth * rays[:, 2]
    depth = np.where((inside > 0.0) & (depth > 0.0) & (height >= low) & (height <= high), depth, np.inf)
    if capped:
        falls = np.where(np.abs(rays[:, 2]) < 1e-12, 1e-12, rays[:, 2])
        lid = (high - origins[:, 2]) / falls
        at_lid = (origins + lid[:, None] * rays)[:, :2]
        on_lid = (lid > 0.0) & (_dot(at_lid, at_lid) <= radius**2) & (lid < depth)
        depth = np.where(on_lid, lid, depth)
    return depth


def _dot(a: Points, b: Points) -> Points:
    """Row by row; numpy's own sum over so short an axis is several times slower."""
    products = [a[..., axis] * b[..., axis] for axis in range(a.shape[-1])]
    return np.asarray(sum(products[1:], products[0]))


def _corner_shade(camera: Points, rays: Points, depth: Points) -> Points:
    """The floor darkens towards the walls, which keep light from it."""
    points = camera + depth[:, None] * rays
    to_walls = (points[:, :2] - CORNER) @ WALL_NORMALS.T
    return np.asarray(np.prod(1.0 - 0.30 * np.exp(-to_walls / 0.8), axis=1))


def _wall_shade(camera: Points, rays: Points, depth: Points, which: NDArray[np.int64]) -> Points:
    """Lambert, a touch of fall-off with height, darker at the floor and in the corner."""
    points = camera + depth[:, None] * rays
    towards = KEY_LIGHT / np.linalg.norm(KEY_LIGHT)
    lambert = np.maximum(WALL_NORMALS @ towards[:2], 0.0)[which]
    other = ((points[:, :2] - CORNER) @ WALL_NORMALS.T)[np.arange(len(points)), 1 - which]
    shut_in = (1.0 - 0.25 * np.exp(-other / 0.9)) * (1.0 - 0.28 * np.exp(-points[:, 2] / 0.7))
    return np.asarray((0.66 + 0.42 * lambert) * shut_in * (1.0 - 0.03 * points[:, 2]))


def _object_shade(rays: Points, normals: Points, points: Points) -> tuple[Points, Points]:
    """Lambert under the key light and a hemisphere of ambient light, darker near the floor; and Blinn's highlight."""
    towards = KEY_LIGHT / np.linalg.norm(KEY_LIGHT)
    lambert = np.maximum(normals @ towards, 0.0)
    ambient = 0.30 + 0.20 * (0.5 + 0.5 * normals[:, 2])
    near_floor = 1.0 - 0.35 * np.exp(-points[:, 2] / 0.28) * (1.0 - np.maximum(normals[:, 2], 0.0))
    halfway = towards - rays
    halfway /= np.linalg.norm(halfway, axis=1, keepdims=True)
    highlight = 0.34 * np.maximum((normals * halfway).sum(axis=1), 0.0) ** 40 * (lambert > 0.0)
    return np.asarray((ambient + 0.62 * lambert) * near_floor), highlight


@lru_cache(maxsize=1)
def _floor_lights() -> tuple[Points, Points]:
    """Unit directions (lights, 3) and weights summing to 1: an area key light, a cosine-weighted sky."""
    key = KEY_LIGHT / np.linalg.norm(KEY_LIGHT)
    across = np.cross(key, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    up = np.cross(across, key)
    grid = (np.arange(4) + 0.5) / 2.0 - 1.0
    area = np.array([key + KEY_SPREAD * (x * across + y * up) for x in grid for y in grid])
    area /= np.linalg.norm(area, axis=1, keepdims=True)
    step = np.arange(SKY_LIGHTS)
    angle = step * math.pi * (3.0 - math.sqrt(5.0))
    radius = np.sqrt(0.92 * (step + 0.5) / SKY_LIGHTS)  # below 1: the walls hide the horizon
    sky = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.sqrt(1.0 - radius**2)], axis=1)
    weights = np.concatenate(
        [np.full(len(area), KEY_SHARE / len(area)), np.full(SKY_LIGHTS, (1.0 - KEY_SHARE) / SKY_LIGHTS)]
    )
    return np.concatenate([area, sky]), weights


def _floor_light(shape: int, scale: float, azimuth: float) -> Points:
    """(64·64,) share of the light that reaches the floor at each pixel's centre past the object: its soft shadow."""
    camera, rays = _rays(azimuth, 1)
    result = np.ones(len(rays))
    floor = np.flatnonzero(rays[:, 2] < -1e-9)
    points = camera - (camera[2] / rays[floor, 2])[:, None] * rays[floor]
    near = np.flatnonzero((points[:, :2] ** 2).sum(axis=1) < 36.0 * scale**2)  # no shadow is longer
    points = points[near] + np.array([0.0, 0.0, FLOOR_REST])
    reached = np.zeros(len(near))
    for direction, weight in zip(*_floor_lights(), strict=True):
        depth = _depth(shape, scale, points, np.broadcast_to(direction, points.shape))
        reached += weight * np.isinf(depth)
    result[floor[near]] = reached
    return result


WORLD = Shapes()
