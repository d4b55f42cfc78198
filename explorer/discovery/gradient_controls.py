"""Gradient controls: curved paths along the slope of what a small classifier says of a point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from explorer.attributes.pictures import without_pictures
from explorer.controls.control_set import ControlSet
from explorer.controls.field import FieldControl
from explorer.discovery.attribute_data import ATTRIBUTE_SETTINGS, DRAWN, attribute_data
from explorer.discovery.flow_controls import field_control
from explorer.discovery.latent_classifiers import LatentClassifiers, Told, task
from explorer.discovery.request import LAYER_SETTINGS, CheckedMethod, Request, names_in
from explorer.discovery.trained import learn
from explorer.errors import ControlError
from explorer.fields.classifier import Classifier, ClassifierField
from explorer.generators.base import Generator
from explorer.scene.cards import MethodCard, ModelCard, SettingCard

OFTEN = 0.5
"""A classifier that is certain at more of the points is said to be."""


@dataclass(frozen=True)
class _Search:
    """``held``: the names of the attributes whose channels are left out of every other's path, ``channels`` of each."""

    asked: Request
    classifiers: LatentClassifiers
    held: Sequence[str]
    channels: int

    def names(self) -> list[str]:
        """Of the attributes, in the order of the classifiers."""
        return [one.target.name for one in self.classifiers.tasks]

    def controls(self, told: Sequence[Told] | None = None) -> list[FieldControl]:
        """The paths of the moment, those that are told best first; of what is known, ``told`` each."""
        asked, names = self.asked, self.names()
        only = names_in(asked.text("attribute"))
        made = [self.classifiers.classifier(index) for index in range(len(names))]
        order = [index for index, name in enumerate(names) if not only or name in only]
        if told is not None:
            order = sorted((index for index in order if told[index].beats), key=lambda index: -told[index].beyond)
        return [one for index in order for one in self._paths(index, made, told[index] if told else None)]

    def _paths(self, index: int, made: Sequence[Classifier], told: Told | None) -> list[FieldControl]:
        """One, or one a class."""
        one, names = self.classifiers.tasks[index], self.names()
        others = [name for name in self.held if name != one.target.name]
        excluded = tuple((made[names.index(name)], self.channels) for name in others)
        lines = () if one.kinds else one.target.lines
        figure = ""
        if told is not None:
            figure = f"{told.accuracy:.0%}"
            lines += (
                f"tells {told.accuracy:.1%} of {told.tested} samples held out; chance {told.chance:.0%}",
                f"fitted to {sum(map(len, one.parted.fitted))} samples; certain at {told.certain:.0%} of all",
            )
        if others:
            lines += (f"holds {', '.join(others)}: without the {self.channels} channels that change each most",)
        return [
            field_control(
                self.asked,
                f"{one.target.name}: {one.kinds[target]}" if one.kinds else one.target.name,
                ClassifierField(made[index], target, excluded),
                self.classifiers.sigma,
                figure=figure,
                details=lines,
                unit_speed=True,
            )
            for target in range(made[index].classes)
        ]


class GradientControls(CheckedMethod):
    """Gradients of classifiers, without the channels that change other attributes most."""

    card = MethodCard(
        name="gradient_controls",
        title="Gradient controls",
        spaces=("z", "w", "w_plus", "h", "x_T"),
        trained=True,
        paper="Chen, Jiang, Duke, Zhao & Aarabi, Exploring Gradient-based Multi-directional Controls in GANs, "
        "ECCV 2022",
        description="For each attribute the curved path along which a small network says that there is more of it.",
        settings=(
            *ATTRIBUTE_SETTINGS,
            SettingCard(
                name="share",
                title="Share of samples",
                default=0.05,
                low=0.0,
                high=0.5,
                help="The samples with most and with least of an attribute that are told apart; more are taken where "
                "these are few for the space. Of a category with several levels all are taken, and each has a path.",
            ),
            SettingCard(
                name="conditions",
                title="Conditions",
                default="",
                kind="attribute",
                empty="none",
                help="Attributes to hold, with commas between: the channels that change them most are left out of all "
                "other paths.",
            ),
            SettingCard(
                name="channels",
                title="Channels left out",
                default=0,
                low=0,
                high=65_536,
                empty="a fifth of the space",
                help="Of each condition, anew at every point. 50 to 300 of 512 in the paper.",
            ),
            SettingCard(
                name="hidden",
                title="Hidden units",
                default=16,
                low=1,
                high=4096,
                help="Of each network; 16 in the paper.",
            ),
            SettingCard(
                name="steps",
                title="Steps",
                default=400,
                low=1,
                high=1_000_000,
                help="Of the training. 400 are a quick look, 3 s of one core with known-curved and 12 s with "
                "faces-stylegan2, most of it for the samples; a full run of 4000 takes 50 s there.",
            ),
            SettingCard(
                name="batch", title="Batch", default=32, low=2, high=4096, help="Samples a step of each attribute."
            ),
            SettingCard(
                name="rate", title="Learning rate", default=0.001, low=1e-6, high=1.0, help="Of Adam, as published."
            ),
            *LAYER_SETTINGS,
        ),
        supervised=True,
        aliases=("gradctrl",),
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        return without_pictures(model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """One control for each of the ``k`` attributes, or classes of a category, that are told best, or for all where
        there are fewer. One unit is a way as long as the typical deviation of the space, towards more of the attribute.

        Raises :class:`ControlError` where a classifier that is needed does no better than chance.
        """
        held = names_in(asked.text("conditions"))
        channels = _channels(asked, len(held))
        data = attribute_data(asked, generator, held)
        width = data.latents.shape[1]
        tasks = {one.name: task(one, asked.real("share"), width, asked.seed) for one in data.targets}
        missing = [name for name, one in tasks.items() if one is None]
        if lost := next((name for name in held if name in missing), ""):
            raise ControlError(f"'{lost}' has too few samples of a kind, so it cannot be held; leave it out.")
        several = [one for one in tasks.values() if one is not None]
        if not several:
            raise ControlError("No attribute has two kinds of samples to tell apart; raise 'samples' or 'share'.")
        classifiers = LatentClassifiers(several, data.latents, asked.number("hidden"), asked.seed)
        search = _Search(asked, classifiers, held, channels)

        def loss(step: int, source: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
            return classifiers.loss(asked.number("batch"), source)

        optimiser = torch.optim.Adam(classifiers.parameters(), lr=asked.real("rate"))
        watched = replace(asked, watch=asked.watch.part(DRAWN, 1.0))
        end = learn(watched, (classifiers,), optimiser, loss, asked.number("steps"), search.controls)
        told = [classifiers.told(index) for index in range(len(several))]
        controls = search.controls(told)
        names = search.names()
        noise = {name: one for name, one in zip(names, told, strict=True) if not one.beats}
        if lost := next((name for name in held if name in noise), ""):
            raise ControlError(f"{_weak(lost, noise[lost])}, so it cannot be held; leave it out of 'conditions'.")
        if not controls:
            best = max(noise, key=lambda name: noise[name].beyond)
            raise ControlError(f"{_weak(best, noise[best])}; raise 'samples' or 'steps', or choose other attributes.")
        certain = {name: one.certain for name, one in zip(names, told, strict=True) if one.certain > OFTEN}
        notes = [
            end.note,
            *(f"{_weak(name, one)}, so its gradient is noise; left out." for name, one in noise.items()),
            *(
                f"The classifier of '{name}' is certain at {share:.0%} of the points: its probability hardly changes "
                "there, and paths follow its odds, of which no sample says whether they are right. Take fewer steps."
                for name, share in certain.items()
            ),
            f"Left out: {', '.join(missing)} (too few samples of one kind)." if missing else "",
            f"{len(controls)} of {asked.k} controls: one for each attribute or class that is told."
            if len(controls) < asked.k
            else "",
            data.left_out,
        ]
        return asked.found(controls[: asked.k], data.evaluations, " ".join(filter(None, notes)), labels=data.labels)


def _channels(asked: Request, conditions: int) -> int:
    """How many channels of each of ``conditions`` attributes are left out. Raises :class:`ControlError` where none
    would be left."""
    if not conditions:
        return 0
    width = math.prod(asked.model.spaces[asked.space].shape)
    channels = asked.number("channels") or max(1, width // 5)
    if channels * conditions >= width:
        most = (width - 1) // conditions
        advice = f"choose at most {most}" if most else "hold fewer attributes"
        raise ControlError(
            f"{channels} channels for each of {conditions} conditions may be all {width} of {asked.space}; {advice}."
        )
    return channels


def _weak(name: str, told: Told) -> str:
    return (
        f"'{name}' is told no better than by chance ({told.accuracy:.0%} of {told.tested} samples held out; chance "
        f"{told.chance:.0%})"
    )


METHOD = GradientControls()
