"""The card's word on what a training ran on."""

from __future__ import annotations

import os

import pytest
import torch

from explorer.training.hardware import hardware


def test_a_processor_is_named_by_the_threads_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert hardware(torch.device("cpu")) == "3 of 8 CPU threads"


def test_a_gpu_is_named_by_its_maker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Fast GPU {device.index}")
    assert hardware(torch.device("cuda", 1)) == "Fast GPU 1"


def test_another_device_is_named_by_its_kind() -> None:
    assert hardware(torch.device("mps")) == "mps"
