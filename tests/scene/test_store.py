"""The scene file: what goes in comes out, and what is wrong is named."""

from __future__ import annotations

import array
import json
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.errors import ExportError, SceneError
from explorer.scene import store
from explorer.scene.model import (
    SCENE_VERSION,
    AmountKey,
    AmountTrack,
    Blend,
    Bookmark,
    Condition,
    ControlSetRef,
    Edit,
    Mark,
    ModelRef,
    OriginKey,
    OriginTrack,
    Pane,
    Quality,
    Scene,
    Seed,
    StoredLatent,
    Timeline,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
amounts = st.floats(-1000, 1000)
names = st.text(max_size=8)
seeds = st.integers(0, 2**32 - 1).map(Seed)


@st.composite
def stored_latents(draw: st.DrawFn) -> StoredLatent:
    shape = tuple(draw(st.lists(st.integers(1, 3), max_size=3)))
    numbers = [draw(st.floats(width=32, allow_nan=False, allow_infinity=False)) for _ in range(math.prod(shape))]
    return StoredLatent(draw(names), shape, array.array("f", numbers).tobytes())


points = seeds | stored_latents()


@st.composite
def blends(draw: st.DrawFn) -> Blend:
    kind = draw(st.sampled_from(["lerp", "slerp", "smooth"]))
    count = 2 if kind == "slerp" else draw(st.integers(1, 4))
    weights = [draw(st.floats(-2, 2)) for _ in range(count - 1)]
    return Blend(tuple(draw(points) for _ in range(count)), (*weights, 1 - math.fsum(weights)), kind)


origins = points | blends()
models = st.builds(ModelRef, path=st.text(min_size=1, max_size=8), fingerprint=names, family=names)
scalars = st.booleans() | st.integers(-(2**62), 2**62) | finite | names
control_sets = st.builds(
    ControlSetRef,
    method=st.text(min_size=1, max_size=8),
    k=st.integers(1, 99),
    seed=st.integers(0, 2**32 - 1),
    settings=st.dictionaries(names, scalars, max_size=3).map(lambda made: tuple(made.items())),
    path=names,
    digest=names,
    without=st.lists(names, max_size=2).map(tuple),
    units=st.sampled_from(["native", "effect", "arc"]),
    tau=st.floats(0.001, 0.5),
)
matched_sets = st.tuples(control_sets, st.none() | control_sets).map(
    lambda pair: msgspec.structs.replace(pair[0], like=pair[1])
)
conditions = st.builds(
    Condition,
    prompt=names,
    negative_prompt=names,
    guidance=st.none() | st.floats(0, 100),
    classes=st.sampled_from([(), ((3, 1.0),), ((2, 0.25), (0, 0.75))]),
)
panes = st.builds(
    Pane,
    name=names,
    controls=matched_sets,
    edits=st.dictionaries(names, amounts, max_size=3).map(lambda made: tuple(Edit(*item) for item in made.items())),
    view=st.sampled_from(["image", "difference", "before_after", "truth"]),
    split=st.floats(0, 1),
    model=st.none() | models,
    origin=st.none() | origins,
    condition=st.none() | conditions,
)
times = st.lists(st.floats(0, 1000), min_size=1, max_size=4, unique=True).map(sorted)


@st.composite
def timelines(draw: st.DrawFn, pane_count: int) -> Timeline:
    moved = draw(st.dictionaries(st.tuples(st.integers(0, pane_count - 1), names), times, max_size=3))
    return Timeline(
        duration=draw(st.floats(0.01, 1000)),
        fps=draw(st.integers(1, 240)),
        loop=draw(st.sampled_from(["once", "loop", "ping_pong"])),
        origin=OriginTrack(
            keys=tuple(OriginKey(time, draw(points)) for time in draw(times)),
            interpolation=draw(st.sampled_from(["lerp", "slerp", "smooth"])),
        ),
        amounts=tuple(
            AmountTrack(pane=pane, control=control, keys=tuple(AmountKey(time, draw(amounts)) for time in at))
            for (pane, control), at in moved.items()
        ),
    )


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    own = tuple(draw(st.lists(panes, min_size=1, max_size=3)))
    return Scene(
        model=draw(models),
        origin=draw(origins),
        truncation_psi=draw(st.floats(0, 1.5)),
        panes=own,
        selected=draw(st.integers(0, len(own) - 1)),
        linked=draw(st.booleans()),
        quality=Quality(
            steps=draw(st.integers(0, 1000)), precision=draw(st.sampled_from(["auto", "float32", "float16"]))
        ),
        timeline=draw(timelines(len(own))),
        columns=draw(st.integers(0, 8)),
        condition=draw(conditions),
        marks=tuple(
            draw(
                st.lists(
                    st.builds(
                        Mark,
                        controls=control_sets,
                        control=names,
                        name=names,
                        starred=st.booleans(),
                        hidden=st.booleans(),
                        pinned=st.booleans(),
                    ),
                    max_size=2,
                )
            )
        ),
        bookmarks=tuple(
            draw(
                st.lists(
                    st.builds(
                        Bookmark,
                        name=names,
                        model=models,
                        origin=origins,
                        truncation_psi=st.floats(0, 1.5),
                        condition=conditions,
                        panes=st.lists(panes, min_size=1, max_size=2).map(tuple),
                    ),
                    max_size=2,
                )
            )
        ),
    )


PLAIN = Scene(model=ModelRef(path="vae-shapes"))


@settings(max_examples=60, deadline=None)
@given(scenes())
def test_what_is_written_is_read_back_equal_and_written_again_alike(scene: Scene) -> None:
    data = store.encode_scene(scene)
    read = store.decode_scene(data, "a.scene.json")
    assert read == scene
    assert store.encode_scene(read) == data


def test_the_file_is_readable_and_names_its_format() -> None:
    text = store.encode_scene(PLAIN).decode()
    assert text.startswith(
        '{\n  "format": "latent-explorer-scene",\n  "version": 5,\n  "model": {\n    "path": "vae-shapes"'
    )
    assert json.loads(text)["panes"][0]["controls"]["method"] == "latent_axes"


def test_save_and_load(tmp_path: Path) -> None:
    path = tmp_path / "a.scene.json"
    store.save_scene(PLAIN, path)
    assert store.load_scene(path) == PLAIN
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="cannot be read"):
        store.load_scene(tmp_path / "none.json")


def test_a_scene_that_is_not_valid_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"origin\.seed"):
        store.save_scene(msgspec.structs.replace(PLAIN, origin=Seed(-1)), tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_an_export_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match="cannot be written"):
        store.save_scene(PLAIN, tmp_path / "file" / "a.json")


def test_every_truncation_is_refused() -> None:
    data = store.encode_scene(PLAIN).rstrip()
    for length in range(len(data)):
        with pytest.raises(SceneError, match="truncated or foreign"):
            store.decode_scene(data[:length], "cut.json")


@pytest.mark.parametrize(
    "data",
    [b"[]", b"3", b'"text"', b"{}", b'{"version": 1, "model": {"path": "a"}}', b'{"format": "other", "version": 1}'],
)
def test_foreign_json_is_refused(data: bytes) -> None:
    with pytest.raises(SceneError, match="no scene of Latent Explorer"):
        store.decode_scene(data, "other.json")


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", b"\xff" * 40, b"[" * 100_000, b'{"a": NaN}'])
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(SceneError, match="truncated or foreign"):
        store.decode_scene(data, "other.json")


def changed(**fields: Any) -> bytes:
    """The plain scene's document with fields replaced; a name may be a path (``panes.0.split``)."""
    document = json.loads(store.encode_scene(PLAIN))
    for path, value in fields.items():
        *way, last = path.split("__")
        place = document
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"timeline__duration": 86_400},
        {"timeline__fps": 1},
        {"timeline__fps": 240},
        {"truncation_psi": 1.5},
        {"truncation_psi": 0},
        {"condition": {"guidance": 100, "prompt": "a" * 10_000, "classes": [[0, 1.5], [7, -0.5]]}},
        {"columns": 64},
        {"panes__0__split": 1},
        {"panes__0__split": 0},
        {"panes__0__controls__tau": 0.5},
        {"panes__0__edits": [{"control": "a", "amount": -1000}]},
        {"origin": {"type": "seed", "seed": 2**32 - 1}},
    ],
)
def test_the_ends_of_every_range_belong_to_it(fields: dict[str, Any]) -> None:
    assert store.decode_scene(changed(**fields), "good.json")


def test_what_is_wrong_with_a_field_is_said_in_words() -> None:
    with pytest.raises(SceneError, match=r"in the field 'origin.seed', expected `int`, got `str`"):
        store.decode_scene(changed(origin={"type": "seed", "seed": "x"}), "bad.json")


def test_a_newer_version_asks_for_an_update() -> None:
    with pytest.raises(SceneError, match=r"written by a newer Latent Explorer \(format 6\); update the program"):
        store.decode_scene(changed(version=SCENE_VERSION + 1), "new.json")


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0, None])
def test_a_senseless_version_is_refused(version: object) -> None:
    with pytest.raises(SceneError, match="'version'"):
        store.decode_scene(changed(version=version), "bad.json")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"origin__seed": "x"}, "origin.seed"),
        ({"origin__seed": 1.5}, "origin.seed"),
        ({"origin__seed": -1}, "origin.seed"),
        ({"origin__seed": 2**32}, "origin.seed"),
        ({"origin__seed": 10**30}, "origin.seed"),
        ({"origin": {"type": "sed"}}, "origin.type"),
        ({"origin": {"type": "latent", "space": "z", "shape": [2], "data": "AAAAAA=="}}, "origin.data"),
        ({"origin": {"type": "latent", "space": "z", "shape": [1], "data": "AADAfw=="}}, "origin.data"),  # NaN
        ({"origin": {"type": "latent", "space": "z", "shape": [-1], "data": ""}}, "origin.shape"),
        ({"origin": {"type": "latent", "space": "z", "shape": [1], "data": "!"}}, "origin.data"),
        ({"origin": {"type": "blend", "origins": [], "weights": []}}, "origin.origins"),
        (
            {"origin": {"type": "blend", "origins": [{"type": "seed", "seed": 1}] * 3, "weights": [0, 0, 1]}},
            "origin.origins",
        ),
        (
            {"origin": {"type": "blend", "origins": [{"type": "seed", "seed": 1}] * 2, "weights": [0.5, 0.4]}},
            "origin.weights",
        ),
        (
            {"origin": {"type": "blend", "origins": [{"type": "seed", "seed": 1}] * 2, "weights": [1]}},
            "origin.weights",
        ),
        ({"truncation_psi": 1.6}, "truncation_psi"),
        ({"condition": {"guidance": -1}}, "condition.guidance"),
        ({"condition": {"prompt": "a" * 10_001}}, "condition.prompt"),
        ({"condition": {"classes": [[-1, 1.0]]}}, "condition.classes[0]"),
        ({"condition": {"classes": [[1, 0.5]]}}, "condition.classes"),
        ({"condition": {"classes": [[1, 0.5], [1, 0.5]]}}, "condition.classes"),
        ({"panes__0__condition": {"classes": [[1, 0.5]]}}, "panes[0].condition.classes"),
        ({"truncation_psi": -0.1}, "truncation_psi"),
        ({"truncation_psi": None}, "truncation_psi"),
        ({"panes": []}, "panes"),
        ({"panes__0__split": 2}, "panes[0].split"),
        ({"panes__0__view": "movie"}, "panes[0].view"),
        ({"panes__0__edits": [{"control": "a", "amount": "x"}]}, "panes[0].edits[0].amount"),
        ({"panes__0__edits": [{"control": "a", "amount": 1}, {"control": "a", "amount": 2}]}, "panes[0].edits"),
        ({"panes__0__edits": [{"control": "a", "amount": 1001}]}, "panes[0].edits[0].amount"),
        ({"panes__0__controls__k": 0}, "panes[0].controls.k"),
        ({"panes__0__controls__method": ""}, "panes[0].controls"),
        ({"panes__0__controls__settings": [["a", 1], ["a", 2]]}, "panes[0].controls.settings"),
        ({"selected": 1}, "selected"),
        ({"quality__steps": -1}, "quality.steps"),
        ({"model__path": ""}, "model.path"),
        ({"model": {}}, "model"),
        ({"timeline__duration": 0}, "timeline.duration"),
        ({"timeline__duration": 1e9}, "timeline.duration"),
        ({"timeline__fps": 0}, "timeline.fps"),
        ({"timeline__amounts": [{"pane": 1, "control": "a", "keys": [{"time": 0, "amount": 0}]}]}, "amounts[0].pane"),
        ({"timeline__amounts": [{"pane": 0, "control": "a", "keys": []}]}, "timeline.amounts[0].keys"),
        (
            {"timeline__amounts": [{"pane": 0, "control": "a", "keys": [{"time": 0, "amount": 1001}]}]},
            "timeline.amounts[0].keys[0].amount",
        ),
        (
            {"timeline__amounts": [{"pane": 0, "control": "a", "keys": [{"time": 0, "amount": 0}] * 2}]},
            "timeline.amounts[0].keys[1].time",
        ),
        (
            {"timeline__amounts": [{"pane": 0, "control": "a", "keys": [{"time": 0, "amount": 0}]}] * 2},
            "timeline.amounts[1]",
        ),
        (
            {"timeline__origin__keys": [{"time": 0, "origin": {"type": "seed", "seed": -5}}]},
            "timeline.origin.keys[0].origin.seed",
        ),
        ({"timeline__origin__keys": [{"time": -1, "origin": {"type": "seed", "seed": 0}}]}, "keys[0].time"),
        ({"truncation": 0.5}, "truncation"),
        ({"panes__0__splitt": 0.5}, "panes[0].splitt"),
    ],
)
def test_a_wrong_field_is_named_in_one_sentence(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(SceneError) as caught:
        store.decode_scene(changed(**fields), "bad.json")
    sentence = str(caught.value)
    assert f"{named}'" in sentence
    assert sentence.startswith("'bad.json' ")
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_an_infinite_amount_is_not_written() -> None:
    scene = msgspec.structs.replace(PLAIN, panes=(Pane(edits=(Edit("a", math.inf),)),))
    with pytest.raises(SceneError, match=r"panes\[0\].edits\[0\].amount"):
        store.encode_scene(scene)


def test_a_name_that_is_no_text_is_one_sentence() -> None:
    with pytest.raises(SceneError, match="cannot be written as text"):
        store.encode_scene(Scene(model=ModelRef(path="\udcff")))


def test_scenes_of_version_3_tell_no_model_what_to_draw() -> None:
    document = json.loads(store.encode_scene(PLAIN))
    del document["condition"]
    document["version"] = 3
    assert store.decode_scene(json.dumps(document).encode(), "old.json") == PLAIN


def test_old_versions_are_migrated_one_step_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def first(document: store.Document) -> store.Document:
        return {**document, "truncation_psi": document["truncation_psi"] / 2}

    def second(document: store.Document) -> store.Document:
        return {**document, "linked": False}

    monkeypatch.setattr(store, "SCENE_VERSION", 3)
    monkeypatch.setattr(store, "MIGRATIONS", {1: first, 2: second})
    read = store.decode_scene(changed(truncation_psi=1.0, version=1), "old.json")
    assert (read.version, read.truncation_psi, read.linked) == (3, 0.5, False)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64) | st.integers(0, 900).flatmap(lambda at: st.tuples(st.just(at), st.binary(max_size=4))))
def test_any_bytes_give_a_scene_or_a_sentence(damage: bytes | tuple[int, bytes]) -> None:
    data = store.encode_scene(PLAIN)
    if isinstance(damage, bytes):
        data = damage
    else:
        at, new = damage
        data = data[:at] + new + data[at + len(new) :]
    try:
        scene = store.decode_scene(data, "fuzz.json")
    except SceneError:
        return
    assert store.decode_scene(store.encode_scene(scene), "again") == scene


@pytest.mark.parametrize("place", [0, 1234, 4999])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amuont": 1.0}, "there is no field 'timeline.amounts[0].keys[{place}].amuont' in a scene"),
        ({"amount": 1001.0}, "field 'timeline.amounts[0].keys[{place}].amount' is 1001; it must be between"),
        ({"time": -1.0}, "field 'timeline.amounts[0].keys[{place}].time' is -1; times start at 0"),
    ],
)
def test_one_of_very_many_keyframes_is_named(place: int, change: dict[str, float], said: str) -> None:
    """However quickly the others are passed over."""
    keys = tuple(AmountKey(float(time), time % 7 - 3.0) for time in range(5000))
    track = AmountTrack(pane=0, control="a", keys=keys)
    scene = Scene(model=ModelRef(path="m"), timeline=Timeline(duration=5000.0, amounts=(track,)))
    document = json.loads(store.encode_scene(scene))
    assert store.decode_scene(json.dumps(document).encode()) == scene
    document["timeline"]["amounts"][0]["keys"][place] |= change
    with pytest.raises(SceneError, match=re.escape(said.format(place=place))):
        store.decode_scene(json.dumps(document).encode())
