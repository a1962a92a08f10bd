"""A console that prints text as it stands: what files and servers say is neither markup nor orders to a terminal."""

from typing import Any

from rich.console import Console
from rich.text import Text

from steerstack.util.text import shown


class Terminal(Console):
    """A rich console without markup, emoji codes and control characters in the text that it is given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Text from a string, which rich calls for whatever is printed, a table's cells and titles too."""
        return super().render_str(shown(text), **options)

    def say(self, text: str, *, mark: str = "", style: str = "") -> None:
        """Print one line as it stands, behind a mark in a style of its own."""
        self.print(Text.assemble((mark, style), shown(text)), highlight=False, soft_wrap=True)
