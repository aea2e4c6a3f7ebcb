"""Errors that name place and remedy, in a template that is translated where it is shown."""

from __future__ import annotations


class LoquetError(Exception):
    """What went wrong, where, and what to do: a translatable template and what fills it."""

    def __init__(self, template: str, **parameters: object) -> None:
        self.template = template
        self.parameters = parameters
        super().__init__(template, parameters)

    def __str__(self) -> str:
        return self.template.format(**self.parameters)
