"""What all tests need of the process that they run in."""

from __future__ import annotations

import signal
import threading

# A shell that starts the tests in the background has them ignore Ctrl-C, and what they start would inherit that.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
