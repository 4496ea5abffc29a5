"""The console's three themes; NO_COLOR draws any of them in the terminal's own two colours."""

from __future__ import annotations

from typing import Final

from textual.theme import Theme

THEMES: Final = (
    Theme(
        name="dark",
        primary="#6ea8d8",
        secondary="#8f9fb3",
        accent="#d8a657",
        foreground="#dde1e6",
        background="#14171b",
        surface="#1b1f24",
        panel="#252a31",
        success="#7fbf7f",
        warning="#e0b050",
        error="#e57373",
        dark=True,
        variables={"scrollbar": "#414a56", "scrollbar-background": "#1b1f24"},
    ),
    Theme(
        name="light",
        primary="#1a5a96",
        secondary="#53606f",
        accent="#8a5a00",
        foreground="#16191d",
        background="#fbfbf9",
        surface="#f1f1ee",
        panel="#e3e4e1",
        success="#1e6b2b",
        warning="#7a5200",
        error="#a61b1b",
        dark=False,
        variables={"scrollbar": "#b4b8bd", "scrollbar-background": "#f1f1ee"},
    ),
    Theme(
        name="high-contrast",
        primary="#00d7ff",
        secondary="#ffffff",
        accent="#ffff00",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#000000",
        success="#00ff00",
        warning="#ffff00",
        error="#ff8080",
        dark=True,
        variables={
            "border": "#ffffff",
            "border-blurred": "#ffffff",
            "text-muted": "#ffffff",
            "scrollbar": "#ffffff",
            "scrollbar-background": "#303030",
        },
    ),
)
