"""``python -m guard`` is the command ``normguard``."""

from guard.cli.main import main

main()
