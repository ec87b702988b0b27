"""``normguard serve``: the proxy."""

from __future__ import annotations

from pathlib import Path

import click

from guard.cli.settings import settings_file, settings_option


@click.command()
@click.option("--upstream", help="Base URL of an OpenAI-compatible API, e.g. https://api.openai.com/v1.")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [default: 8017]")
@click.option("--policy", help="Deployment policy of requests that name none.  [default: default]")
@click.option("--policies", type=click.Path(path_type=Path), help="Folder of further deployment policies.")
@click.option(
    "--norms", multiple=True, type=click.Path(path_type=Path), help="Folder of further norm packs. Repeatable."
)
@click.option("--vision", help="Model that looks at pictures, auto or none.  [default: auto]")
@click.option("--ocr/--no-ocr", default=None, help="Read text in pictures.  [default: no]")
@click.option("--workers", type=int, help="Processes that serve.  [default: 1]")
@settings_option
def serve(
    upstream: str | None,
    host: str | None,
    port: int | None,
    policy: str | None,
    policies: Path | None,
    norms: tuple[Path, ...],
    vision: str | None,
    ocr: bool | None,
    workers: int | None,
) -> None:
    """Run the proxy.

    Point your OpenAI client's base URL at it; nothing else changes. Without --upstream a built-in demo model answers,
    which is no real model. The upstream's key is the caller's own Authorization, or NORMGUARD_UPSTREAM_API_KEY.
    """
    import signal
    import sys

    import uvicorn

    from guard.observability.logs import configure
    from guard.proxy.app import create_app
    from guard.proxy.serve import config, listen
    from guard.proxy.server import Server
    from guard.settings import audit_file, read_settings

    flags = {
        "upstream": upstream,
        "host": host,
        "port": port,
        "policy": policy,
        "policies": policies,
        "norms": norms or None,
        "vision": vision,
        "ocr": ocr,
        "workers": workers,
    }
    file = settings_file()
    settings = read_settings(file, **flags)
    configure(settings.log_format, settings.log_level)
    bound = listen(settings)
    address = bound.getsockname()
    host_name = f"[{address[0]}]" if ":" in address[0] else address[0]
    target = "the built-in demo model (no real model; set --upstream)"
    if settings.upstreams:
        target = f"{len(settings.upstreams)} upstreams by {len(settings.routes)} routes"
    elif settings.upstream:
        target = str(settings.upstream)
    listens = f"NormGuard listens on http://{host_name}:{address[1]}/v1 and sends on to {target}"
    if settings.workers > 1:
        from guard.proxy.workers import run_workers

        click.echo(f"{listens}, with {settings.workers} workers")
        run_workers(settings, bound, file=file, flags=flags)
        return
    server = Server(settings, read=lambda: read_settings(file, **flags), file=file)
    looks = server.guard.vision
    click.echo(listens)
    if settings.audit_is_auto and audit_file().exists():
        click.echo(f"Decisions are kept in {audit_file()}, without what was asked (normguard audit stats).")
    if looks is not None:
        click.echo(f"Pictures are looked at by {looks.name} on {looks.provider}.")
    else:
        click.echo(
            "Pictures are not looked at; only their captions, names and metadata are read (normguard models list)."
        )
    # uvicorn stops in order and then raises the signal once more: an orderly stop ends with 0.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.Server(config(settings, create_app(server))).run(sockets=[bound])
