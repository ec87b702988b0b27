"""``normguard bench answers``."""

from __future__ import annotations

import click


@click.command()
def answers() -> None:
    """Does the local check tell answers in breach of a norm from those that respect it?"""
    from benchmarks.answers.run import main

    main()


COMMANDS = (answers,)
