"""NormGuard: makes any vision-language API culturally safe at run time.

What is to be imported from here stands in ``__init__.pyi``. Each name is loaded when it is first used, so that a
command pays for what it needs.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
