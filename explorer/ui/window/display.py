"""Whether a window can be opened. Qt aborts the process when it cannot; here it is one sentence instead."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

WITHOUT_WINDOW = "run it in a desktop session, or use the commands that need no window (latent-explorer --help)"
DEBIAN = "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxkbcommon-x11-0"


def problem() -> str:
    """Why no window can be opened, in one sentence; empty when nothing speaks against it."""
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if sys.platform in ("win32", "darwin") or platform not in ("", "xcb"):
        return ""
    if not platform and os.environ.get("WAYLAND_DISPLAY"):
        return ""
    display = os.environ.get("DISPLAY", "")
    if not display:
        return f"There is no display to open a window on; {WITHOUT_WINDOW}."
    return _missing_library() or _unreachable(display)


def _missing_library() -> str:
    """Load Qt's plugin for X11 as Qt will; the loader says which library it lacks."""
    found = importlib.util.find_spec("PySide6")
    if found is None or found.origin is None:
        return ""  # the import that follows says it better
    plugin = Path(found.origin).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    if not plugin.exists():
        return ""  # built otherwise; Qt knows better where its plugins are
    try:
        ctypes.CDLL(str(plugin))
    except OSError as error:
        library = str(error).partition(":")[0]
        return (
            f"The window needs the system library {library}, which is missing; "
            f"install it (Debian, Ubuntu: sudo apt install {DEBIAN})."
        )
    return ""


def _unreachable(display: str) -> str:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return ""
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    xcb.xcb_connection_has_error.argtypes = (ctypes.c_void_p,)
    xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    connection = xcb.xcb_connect(None, None)
    failed = xcb.xcb_connection_has_error(connection)
    if failed:
        xcb.xcb_disconnect(connection)
    # One that works stays open: a bare X server (Xvfb) resets when its last client leaves, and Qt, which comes next,
    # would sometimes find it not answering.
    return f"The display '{display}' does not answer; {WITHOUT_WINDOW}." if failed else ""
