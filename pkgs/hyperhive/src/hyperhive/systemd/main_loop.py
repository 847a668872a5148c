"""GLib's main loop, as far as dbus-python needs it.

dbus-python gives out signals only while a main loop of GLib's runs. The usual way to run one is
PyGObject; it would bring girepository and cairo into daemons that need four functions, and its
current release does not build where girepository 2.0 is missing (Debian 12). dbus-python's own
binding is linked to libglib already, so that the functions are taken from there: what they iterate
is then by construction the main context in which dbus-python waits.

One thread at a time may run the loop; dbus-python knows the default main context only.
"""

import ctypes
import threading
from functools import cache
from importlib import import_module
from math import ceil
from typing import Any, Final

_TIMEOUT: Final = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_LONGEST_WAIT: Final = 3600.0
"""Seconds; GLib counts the milliseconds of a timeout in 32 bits."""
_running: Final = threading.Lock()


@cache
def dbus_main_loop() -> Any:
    """What dbus-python calls a main loop: to be given to its connections."""
    from dbus.mainloop.glib import DBusGMainLoop

    return DBusGMainLoop()


def iterate(seconds: float | None) -> None:
    """Run the loop until something has happened in it, `wake` is called, or `seconds` have passed.

    Args:
        seconds: None waits for ever.

    Raises:
        RuntimeError: another thread runs the loop.
    """
    if not _running.acquire(blocking=False):
        raise RuntimeError("another thread runs the main loop")
    try:
        _iterate(seconds)
    finally:
        _running.release()


def wake() -> None:
    """End the `iterate` that runs, or if none does, the next one. From any thread."""
    _glib().g_main_context_wakeup(None)


def _iterate(seconds: float | None) -> None:
    passed = False

    def pass_(_: object) -> int:
        nonlocal passed
        passed = True
        return 0  # G_SOURCE_REMOVE

    glib = _glib()
    callback = _TIMEOUT(pass_)  # kept here until the source is gone
    source = 0
    if seconds is not None:
        milliseconds = ceil(min(max(seconds, 0), _LONGEST_WAIT) * 1000)
        source = glib.g_timeout_add(milliseconds, callback, None)
    try:
        glib.g_main_context_iteration(None, True)
    finally:
        if source and not passed:
            glib.g_source_remove(source)


@cache
def _glib() -> ctypes.CDLL:
    binding = import_module("_dbus_glib_bindings")  # a part of dbus-python
    # A name that the binding does not define is looked for in what it is linked to (dlsym(3)).
    glib = ctypes.CDLL(binding.__file__)
    glib.g_main_context_iteration.argtypes = (ctypes.c_void_p, ctypes.c_int)
    glib.g_main_context_wakeup.argtypes = (ctypes.c_void_p,)
    glib.g_main_context_wakeup.restype = None
    glib.g_timeout_add.argtypes = (ctypes.c_uint, _TIMEOUT, ctypes.c_void_p)
    glib.g_timeout_add.restype = ctypes.c_uint
    glib.g_source_remove.argtypes = (ctypes.c_uint,)
    return glib
