"""The command `dstream`: what stands around every verb, and the only place that exits."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from orchestrator.cli.invocation import DEFAULT_FILE, Invocation, hoisted, invocation_of
from orchestrator.cli.verbs import (
    check,
    dead_letters,
    destroy,
    discover,
    doctor,
    generate,
    init,
    logs,
    peek,
    plan,
    providers,
    ps,
    restart,
    run,
    snapshot,
    state,
    status,
    stop,
    supervise,
    top,
    validate,
    version,
)
from orchestrator.errors import EXIT_CONFIG, EXIT_DONE, EXIT_FAILED, ConfigError, DstreamError

_UsageError: Any = typer.BadParameter.__mro__[1]  # typer does not export its base class


class _Verbs(TyperGroup):
    """Takes the global options before and after the verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, hoisted(args))


app = typer.Typer(
    name="dstream",
    cls=_Verbs,
    help="Terraform for data streaming: joins the inputs and outputs of dstream.hcl into running pipelines.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def around(
    context: typer.Context,
    *,
    config: Annotated[Path, typer.Option("--config", "-c", help="The file with the tasks.")] = DEFAULT_FILE,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        typer.Option("--log-level", "-l", help="Least level logged."),
    ] = None,
    log_format: Annotated[
        Literal["text", "json"] | None, typer.Option("--log-format", "-f", help="How log lines on stderr look.")
    ] = None,
    engine_host: Annotated[
        str | None, typer.Option(help="The Docker Engine, as in DOCKER_HOST.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors, and what providers print.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line on stdout.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR does the same.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Tracebacks, and logs at level debug.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="What `dstream version` prints.")] = False,
) -> None:
    invocation = invocation_of(context)
    invocation.config = config
    invocation.log_level = log_level or ("debug" if debug else None)
    invocation.log_format = log_format
    invocation.engine_host = engine_host
    invocation.quiet, invocation.json, invocation.no_color, invocation.debug = quiet, json, no_color, debug
    if show_version:
        version.version(context)
        raise typer.Exit(EXIT_DONE)
    if context.invoked_subcommand is None:
        sys.stderr.write(context.get_help() + "\n")
        raise typer.Exit(EXIT_CONFIG)


app.command("init")(init.init)
app.command("plan")(plan.plan)
app.command("run")(run.run)
app.command("stop")(stop.stop)
app.command("restart")(restart.restart)
app.command("supervise", hidden=True)(supervise.supervise)
app.command("ps")(ps.ps)
app.command("status")(status.status)
app.command("top")(top.top)
app.command("logs")(logs.logs)
app.command("destroy")(destroy.destroy)
app.command("snapshot")(snapshot.snapshot)
app.command("check")(check.check)
app.command("discover")(discover.discover)
app.command("peek")(peek.peek)
app.command("validate")(validate.validate)
app.command("doctor")(doctor.doctor)
app.add_typer(generate.app, name="generate")
app.add_typer(providers.app, name="providers")
app.add_typer(state.app, name="state")
app.add_typer(dead_letters.app, name="dead-letters")
app.command("version")(version.version)


def main() -> None:
    """The console script. Never returns: the exit codes are those of `orchestrator.errors`."""
    invocation = Invocation()
    code = _dispatch(invocation, sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_stdout()
    sys.exit(code)


def _dispatch(invocation: Invocation, arguments: list[str]) -> int:
    from orchestrator.cli.runs.signals import Interrupted
    from orchestrator.cli.terminal.failure import report, report_all, report_unexpected

    try:
        result = app(arguments, prog_name="dstream", standalone_mode=False, obj=invocation)
    except DstreamError as error:
        report_all(error.each(), invocation)
        return error.exit_code
    except _UsageError as problem:
        path = problem.ctx.command_path if problem.ctx else "dstream"
        said = problem.format_message().rstrip(".").replace("Value error, ", "")
        report(ConfigError("usage", said, hint=f"see `{path} --help`"), invocation)
        return EXIT_CONFIG
    except Interrupted as interrupted:
        return interrupted.exit_code
    except typer.Abort:
        typer.echo("nothing was changed", err=True)
        return EXIT_FAILED
    except BrokenPipeError:
        _give_up_stdout()
        return EXIT_FAILED
    except Exception as error:  # noqa: BLE001  # the last resort: one line instead of a traceback
        report_unexpected(error, invocation)
        return EXIT_FAILED
    return result if isinstance(result, int) else EXIT_DONE


def _give_up_stdout() -> None:
    """Nobody reads it any more: the interpreter's own flush at exit must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
