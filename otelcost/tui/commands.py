"""What ctrl+p offers: our own actions, each with its key."""

from __future__ import annotations

from typing import Final

COMMANDS: Final = (
    ("Overview", "1 · what it cost, why, and what to change first", "tab('overview')"),
    ("Recommendations", "2 · what to change and what it saves", "tab('recommendations')"),
    ("Tasks", "3 · which job costs what", "tab('tasks')"),
    ("Calls", "4 · every call", "tab('calls')"),
    ("Trials", "5 · what has to be tried before it may be done", "tab('trials')"),
    ("Digests", "6 · what is sent where, and what became of it", "tab('digests')"),
    ("Window: day", "t d · the last 24 hours", "show_window('24h')"),
    ("Window: week", "t w · the last 7 days", "show_window('7d')"),
    ("Window: month", "t m · the last 30 days", "show_window('30d')"),
    ("Window: quarter", "t q · the last 90 days", "show_window('90d')"),
    ("Window: all", "t a · everything recorded", "show_window('all')"),
    ("Window earlier", "[ · back by its own length", "shift(1)"),
    ("Window later", "] · forward by its own length", "shift(-1)"),
    ("Refresh", "r · read everything anew", "refresh"),
    ("Pause or resume", "space · whether new records appear by themselves", "pause"),
    ("Copy", "y · what the cursor is on", "screen.copy"),
    ("Undo", "z · take the last decision back", "undo"),
    ("Theme", "dark, light, colour-blind, or the terminal's own colours", "change_theme"),
    ("Help", "? · all keys and words", "help"),
    ("Quit", "q", "quit"),
)
"""Name, help, action."""
