"""The procedures of the capture and cleanup jobs: "sys.sp_cdc_add_job", "sys.sp_cdc_change_job" and their like."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from tests.servers.sqlserver.calls import Arguments, Parts, procedure, result
from tests.servers.sqlserver.cdc_procedures import must_own_enabled
from tests.servers.sqlserver.live_views import live_view

if TYPE_CHECKING:
    from tests.servers.sqlserver.sessions import Session


@procedure("sp_cdc_help_jobs")
def _help_jobs(session: Session, _: Arguments, parts: Parts) -> int:
    must_own_enabled(session)
    jobs, names = (live_view(session, "msdb", name) for name in ("cdc_jobs", "sysjobs"))
    rows = session.work.rows(
        'SELECT job_id, job_type, name, maxtrans, maxscans, "continuous", pollinginterval, retention, threshold'
        f" FROM ({jobs}) JOIN ({names}) USING (job_id)"
    )
    columns = (
        "job_id uniqueidentifier, job_type nvarchar(20), job_name sysname, maxtrans int, maxscans int, continuous bit,"
        " pollinginterval bigint, retention bigint, threshold bigint"
    )
    parts.append(result(columns, rows))
    return 0


@procedure("sp_cdc_change_job", "job_type maxtrans maxscans continuous pollinginterval retention threshold")
def _change_job(session: Session, arguments: Arguments, _: Parts) -> int:
    must_own_enabled(session)
    if arguments["retention"] is not None:
        session.work.capture.retention = dt.timedelta(minutes=int(arguments["retention"]))
    if arguments["pollinginterval"] is not None:
        session.work.capture.polling_interval = float(arguments["pollinginterval"])
    return 0


@procedure("sp_cdc_add_job", "job_type start_job maxtrans maxscans continuous pollinginterval retention threshold")
def _add_job(session: Session, arguments: Arguments, parts: Parts) -> int:
    must_own_enabled(session)
    session.work.capture.jobs.append(str(arguments.required("job_type")).lower())
    return _start_job(session, arguments, parts)


@procedure("sp_cdc_drop_job", "job_type")
def _drop_job(session: Session, arguments: Arguments, parts: Parts) -> int:
    _stop_job(session, arguments, parts)
    session.work.capture.jobs.remove(str(arguments.required("job_type")).lower())
    return 0


@procedure("sp_cdc_start_job", "job_type")
def _start_job(session: Session, arguments: Arguments, _: Parts) -> int:
    must_own_enabled(session)
    if str(arguments["job_type"] or "capture").lower() == "capture":
        session.work.capture.start()
    return 0


@procedure("sp_cdc_stop_job", "job_type")
def _stop_job(session: Session, arguments: Arguments, _: Parts) -> int:
    must_own_enabled(session)
    if str(arguments["job_type"] or "capture").lower() == "capture":
        session.work.capture.stop()
    return 0


@procedure("sp_cdc_scan", "maxtrans maxscans continuous pollinginterval")
def _scan(session: Session, _: Arguments, __: Parts) -> int:
    must_own_enabled(session)
    session.work.capture.scan()
    return 0
