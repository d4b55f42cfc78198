"""Whether a window can be opened. Qt aborts the process when it cannot; here it is one sentence instead."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import socket
import sys
from pathlib import Path

WITHOUT_WINDOW = "run it in a desktop session, or use the commands that need no window (latent-explorer --help)"
DEBIAN = "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxkbcommon-x11-0"


def problem() -> str:
    """Why no window can be opened, in one sentence; empty when nothing speaks against it.

    Where the desktop names a Wayland display that is not there any more and an X display answers, that is chosen.
    """
    if sys.platform in ("win32", "darwin"):
        return ""
    named = [name.partition(":")[0] for name in os.environ.get("QT_QPA_PLATFORM", "").split(";") if name]
    reasons: list[str] = []
    for platform in named or _indicated():
        reason = _reason(platform)
        if not reason:
            if reasons and not named:  # else Qt tries the others first, and complains
                os.environ["QT_QPA_PLATFORM"] = platform
            return ""
        reasons.append(reason)
    return reasons[0]


def _indicated() -> list[str]:
    """The platforms that Qt would try by itself, the likely one first."""
    wayland = "WAYLAND_DISPLAY" in os.environ or os.environ.get("XDG_SESSION_TYPE") == "wayland"
    return ["wayland", "xcb"] if wayland else ["xcb"]


def _reason(platform: str) -> str:
    """Why Qt's ``platform`` shows no window, in one sentence, or an empty text."""
    if platform.startswith("wayland"):
        return _wayland_unreachable() or _missing_library("libqwayland*.so")
    if platform == "xcb":
        display = os.environ.get("DISPLAY", "")
        if not display:
            return f"There is no display to open a window on; {WITHOUT_WINDOW}."
        return _missing_library("libqxcb.so") or _unreachable(display)
    folder = _plugins()
    if folder is not None and not any(folder.glob(f"libq{platform}*.so")):
        return f"Qt has no platform '{platform}' here; unset QT_QPA_PLATFORM."
    return ""


def _plugins() -> Path | None:
    """Where Qt's plugins for platforms lie; None where Qt was built otherwise and knows better."""
    found = importlib.util.find_spec("PySide6")
    if found is None or found.origin is None:
        return None  # the import that follows says it better
    folder = Path(found.origin).parent / "Qt" / "plugins" / "platforms"
    return folder if folder.is_dir() else None


def _missing_library(pattern: str) -> str:
    """Load Qt's plugin for the platform as Qt will; the loader says which library it lacks."""
    folder = _plugins()
    for plugin in sorted(folder.glob(pattern)) if folder else ():
        try:
            ctypes.CDLL(str(plugin))
        except OSError as error:
            library = str(error).partition(":")[0]
            return (
                f"The window needs the system library {library}, which is missing; "
                f"install it (Debian, Ubuntu: sudo apt install {DEBIAN})."
            )
    return ""


def _wayland_unreachable() -> str:
    """Connect to the compositor as a client does, and leave."""
    if "WAYLAND_SOCKET" in os.environ:
        return ""  # a connection that was made for this process alone; it may be used once
    name = os.environ.get("WAYLAND_DISPLAY") or "wayland-0"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(Path(os.environ.get("XDG_RUNTIME_DIR", "/")) / name))
        except OSError:
            return f"The Wayland display '{name}' does not answer; {WITHOUT_WINDOW}."
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
