"""An application's own interpreter: what is recorded in it, and what else traces there. The application never runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from otelcost import __version__, settings
from otelcost.cli.checks import Check
from otelcost.errors import OtelcostError, UsageError

if TYPE_CHECKING:
    from otelcost.capture.inspection import Inspection

_FAILED = re.compile("Failed to auto initialize|Error in sitecustomize")
_RAISED = re.compile(r"^Traceback .*\n(?:(?:[ \t].*)?\n)*(\S.*)", re.MULTILINE)
"""A traceback, and the line that names its exception."""
_LLM = re.compile(
    r"openai|anthropic|genai|vertexai|bedrock|lang(chain|graph)|llama|cohere|groq|mistral|litellm|gemini|agents"
)
"""In the name of a distribution that traces LLM calls."""
_SELF_TRACING = ("anthropic", "mistralai")
_EVERY = re.compile(r"(ParentBased\{root:)?AlwaysOnSampler")
_SDK = "opentelemetry.sdk."
_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_SENT = ("SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT")
_UNSENT = ("", "NO_CONTENT", "FALSE", "0")
_DISABLED = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_STARTED = "start the application with otelcost run, opentelemetry-instrument or otelcost.instrument()"


def check_application(command: str) -> list[Check]:
    """What the interpreter of a command says about itself.

    Args:
        command: as a shell would be given it, such as `python app.py`.

    Raises:
        UsageError: it names no program whose interpreter can be told.
    """
    from otelcost.capture.inspect import inspect_app  # noqa: PLC0415  (OpenTelemetry is for this check only)

    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--app: {error}", 'quote it as for a shell: --app "python app.py"') from None
    try:
        seen = inspect_app(argv)
    except UsageError:
        raise
    except OtelcostError as error:
        return [Check("application", "broken", error.what, error.fix)]
    return list(_checks(seen))


def _checks(seen: Inspection) -> Iterator[Check]:
    yield _interpreter(seen)
    yield _recording(seen)
    yield from _set_up(seen)
    yield from _packages(seen)
    yield _others(seen)
    yield _sampler(seen)
    yield _exporters(seen)
    yield from _pipelines(seen)
    yield from _variables(seen)
    yield _spool(seen)


def _interpreter(seen: Inspection) -> Check:
    detail = f"{seen.executable}, Python {seen.python}, otelcost {seen.otelcost}"
    if seen.otelcost == __version__:
        return Check("application", "ok", detail)
    fix = f"install the same version in both places: python -m pip install otelcost=={__version__}"
    return Check("application", "warning", f"{detail}; this command is otelcost {__version__}", fix)


def _recording(seen: Inspection) -> Check:
    if seen.recording:
        return Check("recording", "ok", "on when it starts under otelcost run or opentelemetry-instrument")
    if seen.variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Check("recording", "broken", "off: OTEL_SDK_DISABLED=true", "unset OTEL_SDK_DISABLED")
    if seen.variables.get(_DISABLED):
        detail = f"off: {_DISABLED}={seen.variables[_DISABLED]}"
        return Check("recording", "broken", detail, f"take otelcost and * out of {_DISABLED}")
    if seen.closed_by:
        detail = f"off: python {seen.closed_by} reads no PYTHONPATH or runs no sitecustomize, so no launcher gets in"
        fix = f"leave out {seen.closed_by}, or call otelcost.instrument() in the program"
        return Check("recording", "broken", detail, fix)
    failure = _failure(seen)
    if failure:
        detail = f"off: OpenTelemetry failed while it started ({failure})"
        return Check("recording", "broken", detail, "repair that, or call otelcost.instrument() in the program")
    return Check("recording", "broken", "off: otelcost was not switched on at the start", _STARTED)


def _failure(seen: Inspection) -> str:
    """What stopped OpenTelemetry's own start, which ends at the first part that raises; empty: nothing did."""
    found = _FAILED.search(seen.stderr)
    if found is None:
        return ""
    after = seen.stderr[found.start() :]
    lines = _RAISED.findall(after) or after.strip().splitlines()
    return str(lines[-1]).strip()


def _set_up(seen: Inspection) -> Iterator[Check]:
    failure = _failure(seen)
    if failure and seen.recording:
        detail = f"failed while it started ({failure}); instrumentations after the failure are off, recording is not"
        yield Check("OpenTelemetry", "warning", detail, "see what otelcost run prints first, and repair that package")
    for line in seen.left_out:
        what, _, fix = line.partition("; ")
        yield Check("left out", "warning", f"{what} by otelcost run; opentelemetry-instrument records nothing so", fix)


def _packages(seen: Inspection) -> Iterator[Check]:
    known = ", ".join(f"{package.name} {package.version}" for package in seen.packages)
    if not known:
        fix = "install the SDK there, or name the interpreter that has it"
        yield Check("recorded packages", "warning", "none whose calls are seen is installed", fix)
    else:
        yield Check("recorded packages", "ok", known)
    for package in seen.packages:
        if not package.within:
            detail = f"{package.version} is outside the tested range {package.tested}"
            fix = "see that its calls arrive: otelcost calls; then report how it went"
            yield Check(package.name, "warning", detail, fix)
    for name, why in seen.out_of_reach.items():
        yield Check(name, "note", f"{why}", "see the provider's bill for calls made that way")


def _others(seen: Inspection) -> Check:
    llm = [one for one in seen.instrumentations if _LLM.search(one.distribution) and one.distribution != "otelcost"]
    found = [f"{one.distribution} {one.version}{'' if one.active else ' (not on)'}" for one in llm]
    found += [f"{one.name} {one.version} itself" for one in seen.packages if one.name in _SELF_TRACING]
    if not found:
        return Check("other LLM tracing", "ok", "none")
    return Check("other LLM tracing", "ok", f"{', '.join(found)}: each call is counted once")


def _sampler(seen: Inspection) -> Check:
    if seen.sampler is None:
        return Check("sampler", "ok", f"none: {seen.provider} makes no spans")
    if _EVERY.match(seen.sampler):
        return Check("sampler", "ok", f"{seen.sampler.partition(',')[0].rstrip('}')}: every trace".replace("{", " "))
    rest = "; every call is recorded and priced all the same" if seen.recording else ""
    return Check("sampler", "note", f"{seen.sampler}: of spans{rest}")


def _exporters(seen: Inspection) -> Check:
    names = [name.rpartition(".")[2] for name in seen.exporters]
    if not names:
        rest = "; calls are recorded" if seen.recording else ""
        return Check("exporter", "note", f"none: spans of other instrumentations go nowhere{rest}")
    return Check("exporter", "ok", ", ".join(names))


def _pipelines(seen: Inspection) -> Iterator[Check]:
    """Metrics, and what was said: only where a program has set them up."""
    if seen.meter_provider.startswith(_SDK):
        yield Check("metrics", "ok", "gen_ai.client.* are recorded")
    mode = seen.variables.get(_CONTENT, "").strip().upper()
    if mode in _SENT:
        detail = f"{mode}: prompts and answers leave with the application's spans or events"
        yield Check("content", "note", detail, f"unset {_CONTENT} where they should not; the spool never has them")
    elif mode not in _UNSENT:
        detail = f"{mode.lower()}: otelcost sends no prompt and no answer; older instrumentations may"
        yield Check("content", "note", detail, f"set {_CONTENT} to {', '.join(_SENT)} or NO_CONTENT, as is meant")


def _variables(seen: Inspection) -> Iterator[Check]:
    if seen.variables:
        shown = ", ".join(f"{name}={value}" for name, value in seen.variables.items())
        yield Check("variables", "ok", shown)


def _spool(seen: Inspection) -> Check:
    here, there = str(settings.spool_dir()), seen.spool.directory
    if not seen.spool.writable:
        fix = f"give its user write access, or set {settings.HOME_VARIABLE} to a folder that can be written"
        return Check("its records", "broken", f"{there} cannot be written: they would be dropped", fix)
    if here != there:
        fix = f"give both the same {settings.HOME_VARIABLE}"
        return Check("its records", "broken", f"go to {there}; this command reads {here}", fix)
    return Check("its records", "ok", f"go to {there}, which this command reads")
