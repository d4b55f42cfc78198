"""The list of jobs keeps what is of use and no more, however long the window is open."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from quiet import controller_on

from explorer.export.options import ExportOptions
from explorer.service.replies import EngineLost, Exported, JobProgress, Stopped
from explorer.ui.state import job_list

pytestmark = pytest.mark.gui


def test_jobs_that_ended_long_ago_are_listed_no_longer_and_those_that_run_are(qapp: QApplication) -> None:
    controller, client = controller_on()
    jobs = controller.jobs
    running = jobs.start_export(controller.scene, "/still-running.mp4", ExportOptions())
    numbers = []
    for at in range(job_list.ENDED_KEPT + 20):
        numbers.append(jobs.start_export(controller.scene, f"/film-{at}.mp4", ExportOptions()))
        client.reply(Exported(request_id=numbers[-1], path=f"/film-{at}.mp4", seconds=0.1))
    assert [job.request_id for job in jobs.jobs()] == [running, *numbers[20:]]
    assert [job.request_id for job in jobs.running()] == [running]


def test_what_was_too_short_to_be_listed_is_forgotten(qapp: QApplication) -> None:
    controller, client = controller_on()
    for number in (7001, 7002, 7003):
        client.reply(JobProgress(request_id=number, title="Finding", share=0.5, remaining=1.0))
    assert set(controller.jobs._first_heard) == {7001, 7002, 7003}
    client.reply(Stopped(request_id=7001))
    assert set(controller.jobs._first_heard) == {7002, 7003}
    client.reply(EngineLost(sentence="It stopped.", restarting=True))
    assert controller.jobs._first_heard == {}
    assert controller.jobs.jobs() == []
