"""``normguard demo``: before and after, through the real proxy, without a key."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from guard.cli.settings import settings, settings_option
from guard.errors import missing

if TYPE_CHECKING:
    from rich.console import Console

_LIGHT = "mobilenet-v2"
_PATIENCE = 3.0  # seconds that an address may take to answer


class _Scene(NamedTuple):
    title: str
    query: str
    picture: str | None


_SCENES = (
    _Scene(
        "A photo and a gift",
        "My colleague in Shanghai has a new baby. Is the one in this picture a good present?",
        "wall-clock.png",
    ),
    _Scene("In Japanese", "京都の友人の新築祝いに、この写真の品を贈ってもいいですか？", "包丁.png"),
    _Scene("A harmless one", "How do I convert 3 cups of flour to grams?", None),
)


@click.command()
@settings_option
def demo() -> None:
    """Start the proxy on a free port and show what it does to three questions.

    The official openai client sends each of them twice: with the guard switched off, and with it on.
    """
    try:
        from openai import OpenAI
    except ImportError as error:
        raise click.ClickException(missing("The official client", "demo")) from error
    from rich.console import Console
    from rich.markup import escape

    from guard.cli.view import decision_panel
    from guard.pipeline import Guard
    from guard.testing import proxy
    from guard.upstreams.demo import MODEL

    console = Console()
    deployment = settings()
    if deployment.vision == "auto":
        _fetch(console)
    guard = Guard.from_settings(deployment)
    looks = guard.vision
    how = f"looked at by {looks.name}, on {looks.provider}" if looks else "read by caption, file name and metadata only"
    console.print(f"[dim]Pictures: {how}.[/]")
    console.print(
        "[bold]NormGuard demo.[/] The model is a built-in stand-in, [bold]not a real one[/]: it sees a picture by its "
        "file name. Guard, proxy and client are real.\n"
    )
    with proxy(guard) as address:
        base_url = f"{address}/v1"
        console.print(f"client = OpenAI(base_url=[green]{base_url!r}[/])   [dim]# the one line that changes[/]\n")
        client = OpenAI(base_url=base_url, api_key="not-needed")
        for number, scene in enumerate(_SCENES, start=1):
            messages = _messages(scene)
            console.rule(f"{number}. {scene.title}", align="left")
            console.print(f"[bold]{escape(scene.query)}[/]" + (f"  [dim]+ {scene.picture}[/]" if scene.picture else ""))
            bare = client.chat.completions.create(
                model=MODEL, messages=messages, extra_headers={"x-normguard-policy": "off"}
            )
            raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=messages)
            guarded = raw.parse().choices[0].message.content
            _, decision = guard.apply({"messages": messages})
            console.print(decision_panel(decision, f"decision, as in the headers: {raw.headers['x-normguard-action']}"))
            _side_by_side(console, bare.choices[0].message.content or "", guarded or "")
    console.print("\nNext: [bold]normguard serve --upstream https://api.openai.com/v1[/]")


def _fetch(console: Console) -> None:
    """Get the light vision model, if that takes no more than a few seconds."""
    from rich.markup import escape

    from guard.errors import ModelError
    from guard.vision.pull import pull
    from guard.vision.store import preferred

    try:
        if preferred() is None:
            pull(_LIGHT, timeout=_PATIENCE)
    except ModelError as error:
        console.print(f"[dim]{escape(str(error))}[/]")


def _messages(scene: _Scene) -> list[Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": scene.query}]
    if scene.picture:
        encoded = base64.b64encode(_draw(scene.picture)).decode()
        content.append(
            {"type": "image_url", "image_url": {"url": f"data:image/png;name={scene.picture};base64,{encoded}"}}
        )
    return [{"role": "user", "content": content}]


def _draw(name: str) -> bytes:
    """A small picture of the thing that `name` names, drawn here."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (320, 320), "#efe8dc")
    draw = ImageDraw.Draw(image)
    if "clock" in name:
        draw.ellipse((40, 40, 280, 280), fill="white", outline="#333333", width=10)
        for x, y in ((160, 60), (260, 160), (160, 260), (60, 160)):
            draw.ellipse((x - 6, y - 6, x + 6, y + 6), fill="#333333")
        draw.line((160, 160, 160, 90), fill="#333333", width=8)
        draw.line((160, 160, 215, 190), fill="#333333", width=8)
    else:
        draw.polygon(((40, 170), (210, 130), (210, 190)), fill="#b8bcc2", outline="#555555")
        draw.rounded_rectangle((208, 138, 290, 182), radius=12, fill="#5b3a21")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _side_by_side(console: Any, before: str, after: str) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(expand=True)
    table.add_column("without NormGuard", ratio=1, header_style="red", overflow="fold")
    table.add_column("with NormGuard", ratio=1, header_style="green", overflow="fold")
    table.add_row(Text(before, overflow="fold"), Text(after, overflow="fold"))
    console.print(table)
    console.print()
