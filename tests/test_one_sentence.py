"""Every public entry has one place where whatever is wrong with a file becomes one sentence, in little time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import safetensors.torch
import torch
from watched import watched

from explorer.causal import model_file
from explorer.causal.formats.brace_text import point
from explorer.causal.formats.registry import read_graph
from explorer.checkpoint import read_safetensors
from explorer.controls import control_set
from explorer.controls.linear import LinearControl
from explorer.errors import LONGEST_SENTENCE, ExplorerError
from explorer.export import embed
from explorer.export.carried import CarriedFile, Reference, restored
from explorer.files import expanded, set_file
from explorer.importers import householder, latentclr, plain_arrays, stylespace
from explorer.importers.delimited import is_number
from explorer.scene.cards import ControlCard
from explorer.scene.causal_graph import Variable
from explorer.scene.labels import Labels, load_labels
from explorer.scene.model import ControlSetRef, ModelRef, Pane, Scene
from explorer.scene.store import encode_scene, load_scene
from explorer.training.base import read_recipe

DIGITS = "9" * 6000
DEEP = 60_000
SCENE = encode_scene(Scene(model=ModelRef(path="a"), panes=(Pane(controls=ControlSetRef(path="a")),))).decode()


def scene(old: str, new: str) -> str:
    assert old in SCENE
    return SCENE.replace(old, new, 1)


def graph(**variable: str) -> str:
    return json.dumps({"format": "latent-explorer-graph", "version": 1, "variables": [variable]})


CASES: dict[str, tuple[Callable[[Path], object], str | Callable[[], str]]] = {
    "a recipe of long numbers": (lambda path: read_recipe(str(path)), f"steps = {DIGITS}"),
    "a deep recipe": (lambda path: read_recipe(str(path)), "a = " + "[" * 30_000),
    "a recipe of a megabyte": (lambda path: read_recipe(str(path)), "# \n" * 300_000),
    "a recipe of dots": (lambda path: read_recipe(str(path)), ".".join("a" * 30_000) + " = 1"),
    "labels of long numbers": (load_labels, f'{{"format": {DIGITS}}}'),
    "deep labels": (load_labels, '{"format": ' + "[" * DEEP),
    "labels of halves of letters": (load_labels, '{"attribute": "\\ud800", "fingerprint": "", "format": 1}'),
    "labels of an attribute of two lines": (load_labels, '{"attribute": "a\\nb", "fingerprint": "", "format": 1}'),
    "labels of an endless attribute": (load_labels, f'{{"attribute": "a{DIGITS}", "fingerprint": "", "format": 1}}'),
    "a graph of a name that cannot be shown": (read_graph, graph(name="a\u202eb")),
    "a graph of an endless unit": (read_graph, graph(name="a", unit=DIGITS)),
    "a scene of long numbers": (load_scene, scene('"version": 5', f'"version": {DIGITS}')),
    "a deep scene": (load_scene, scene('"seed": 0', '"seed": ' + "[" * DEEP)),
    "a scene of halves of letters": (load_scene, scene('"path": "a"', '"path": "\\udfff"')),
    "a scene that quotes where it is": (load_scene, scene('"ping_pong"', json.dumps(" - at `" * 60_000))),
    "a scene of empty lists": (load_scene, lambda: scene('"marks": []', '"marks": [' + "[]," * 9_000_000 + "[]]")),
    "an export of long numbers": (embed.read, f'{{"format": "latent-explorer-export", "version": {DIGITS}}}'),
    "a PDF of long numbers": (embed.read, f"%PDF /Type /EmbeddedFile /Length {DIGITS} >>\nstream\n"),
    "an SVG of long numbers": (embed.read, f'<svg><metadata id="latent_explorer">&#{DIGITS};</metadata>\n</svg>'),
    "a graph of long numbers": (read_graph, f'{{"a": [{DIGITS}]}}'),
    "a deep graph": (read_graph, '{"a": ' + "[" * DEEP),
    "a graph of one name": (
        read_graph, "{" + ", ".join(f'"{place}": []' for place in range(150_000)) + ', "149999": []}',
    ),
    "a graph of joined texts": (read_graph, "digraph { " + "a + " * 200_000 + "a }"),
    "a graph of braces": (read_graph, "digraph " + "{" * 200_000),
    "a graph without the end of a comment": (read_graph, "digraph { " + "/* " * 400_000),
    "a graph of a place of blanks": (read_graph, f'digraph {{ a [pos="{" " * 400_000}x,1"]; a -> a }}'),
    "a graph of halves of letters": (read_graph, '{"\\ud800": []}'),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_one_sentence_and_little_time(kind: str, tmp_path: Path) -> None:
    read, content = CASES[kind]
    path = tmp_path / "a.json"
    path.write_text(content if isinstance(content, str) else content())
    begin = time.process_time()
    with pytest.raises(ExplorerError) as caught:
        read(path)
    assert len(str(caught.value)) <= LONGEST_SENTENCE
    assert time.process_time() - begin < 8  # of the processor, on a slow machine; minutes and hours without the bounds


BLANKS = " " * 300_000
PATTERNS: dict[str, tuple[Callable[[str], object], str, object]] = {
    "the use of w": (latentclr._USES_W.search, "\n" * 300_000 + BLANKS, None),
    "a parameter": (plain_arrays._PARAMETER.fullmatch, "a." * 100_000 + "\n", None),
    "a point": (plain_arrays._POINTS.fullmatch, "a_" * 100_000 + "\n", None),
    "a modulation": (householder._LAYER.fullmatch, "convs.1." * 50_000 + "\n", None),
    "the beginning of a line": (stylespace._BEGINNING.fullmatch, f"1{BLANKS}x", None),
    "brackets": (lambda text: stylespace._IN_BRACKETS.sub("", text), f"(1{BLANKS}" * 2, f"(1{BLANKS}" * 2),
    "the place of a node": (point, f"{BLANKS}x,1", None),
    "a number": (is_number, BLANKS + "x", False),
}


@pytest.mark.parametrize("kind", PATTERNS)
def test_patterns_take_no_square_of_the_length_of_a_text(kind: str) -> None:
    look, text, expected = PATTERNS[kind]
    begin = time.process_time()
    found = look(text)
    assert time.process_time() - begin < 4  # of the processor: minutes where a text is matched in many ways
    assert expected is None or found == expected


def test_the_spaces_around_a_path_of_several_stay(tmp_path: Path) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    settings = (("attributes", f" a.json +  b.json,{BLANKS}c"),)
    own = Scene(model=ModelRef(path="a"), panes=(Pane(controls=ControlSetRef(method="m", settings=settings)),))
    file = CarriedFile(name="x.json", sha256=empty, size=0, data=b"")
    begin = time.process_time()
    scene_here, missing = restored(
        own, (Reference(noun="labels", text="b.json", entry="x.json", files=(file,)),), lambda path, fingerprint: ""
    )
    assert time.process_time() - begin < 4
    ((_, text),) = scene_here.panes[0].controls.settings
    assert isinstance(text, str)
    assert (text[:10], text.endswith(f"x.json,{BLANKS}c"), missing) == (" a.json + ", True, ())


def test_very_many_tensors_are_no_network(tmp_path: Path) -> None:
    entry = '"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = ("{" + ",".join(entry % place for place in range(51_000)) + "}").encode()
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ExplorerError, match="truncated or damaged"):
        read_safetensors(tmp_path / "a.safetensors")


def test_numbers_of_8_bits_with_a_point_are_read_exactly(tmp_path: Path) -> None:
    for kind in (torch.float8_e4m3fn, torch.float8_e5m2):
        every = torch.arange(256, dtype=torch.uint8).view(kind)
        every = every[every.float().isfinite()]
        safetensors.torch.save_file({"a": every}, tmp_path / "a.safetensors")
        read = read_safetensors(tmp_path / "a.safetensors")["a"]
        assert read.dtype == torch.float16
        assert torch.equal(read.float(), every.float())


def test_a_set_of_very_many_controls_is_read_once(tmp_path: Path) -> None:
    """Not each of them looked for among all."""
    controls = tuple(LinearControl(ControlCard(name=f"{place}", space="z"), torch.ones(1)) for place in range(8_000))
    many = control_set.ControlSet("m", "M", "f", "z", controls)
    control_set.save(many, tmp_path / "a.safetensors")
    begin = time.process_time()
    read = control_set.load(tmp_path / "a.safetensors")
    assert [control.card.name for control in read.controls] == [control.card.name for control in controls]
    assert time.process_time() - begin < 8


@pytest.mark.parametrize("reader", [control_set.load, model_file.load])
@pytest.mark.parametrize("text", [f'{{"format": {DIGITS}}}', '{"format": ' + "[" * DEEP, '{"format": "\\ud800"}'])
def test_what_stands_in_the_metadata_is_one_sentence(
    reader: Callable[[Path], object], text: str, tmp_path: Path
) -> None:
    metadata = {control_set.METADATA_KEY: text, model_file.METADATA_KEY: text}
    safetensors.torch.save_file({"0000.a": torch.ones(1)}, tmp_path / "a.safetensors", metadata)
    with pytest.raises(ExplorerError, match=r"a\.safetensors"):
        reader(tmp_path / "a.safetensors")


@pytest.mark.parametrize("name", ["a/" * 3000 + "b", "x" * 5000, "", "a\0b", "/etc/a", "../a", "a\\b"])
def test_a_carried_file_of_a_name_that_none_has_is_not_written(name: str) -> None:
    own = Scene(model=ModelRef(path="a"), panes=(Pane(controls=ControlSetRef(path="set")),))
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    carried = CarriedFile(name=name, sha256=empty, size=0, data=b"")
    other = CarriedFile(name="b", sha256=empty, size=0, data=b"")
    for entry, file in (("b", carried), (name, other)):
        reference = Reference(noun="control set", text="set", entry=entry, files=(file,))
        with watched() as events, pytest.raises(ExplorerError, match="leads elsewhere"):
            restored(own, (reference,), lambda path, fingerprint: "")
        assert events == []  # not looked for either


def test_the_home_of_somebody_who_is_not_known_is_a_name() -> None:
    assert expanded("~nobody-of-this-name/a") == Path("~nobody-of-this-name/a")
    assert set_file("~nobody-of-this-name/a").name == "a"
    assert expanded("~") == Path.home()
    assert msgspec.json.encode(str(expanded("a"))) == b'"a"'


@pytest.mark.parametrize("name", ["\U0001f469\u200d\U0001f393", "\ud7a4", "ünï 模型", "a\u00a0b"])
def test_names_that_people_type_are_none_of_these(name: str) -> None:
    assert Labels(attribute=name, fingerprint="").problem() == ""
    assert Variable(name=name, unit=name).unit == name
