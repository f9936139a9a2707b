"""Lines for whoever watches, and on a terminal one line that lives."""

import shutil
import sys
import threading
import time


class Talk:
    """`live` when stdout is a terminal: then status() rewrites one line; else only say() prints."""

    def __init__(self, out=None):
        self.out = out or sys.stdout
        self.live = self.out.isatty()
        self._lock, self._shown, self._at = threading.Lock(), False, 0.0

    def _clear(self):
        if self._shown:
            self.out.write("\r\033[K")
            self._shown = False

    def say(self, text):
        with self._lock:
            self._clear()
            self.out.write(text + "\n")
            self.out.flush()

    def status(self, words):
        """Shows what `words` returns, once a second; None takes the line away."""
        if not self.live:
            return
        now = time.monotonic()
        if words is not None and now - self._at < 1:
            return
        text = words() if words else ""
        with self._lock:
            self._clear()
            if text:
                self._at = now
                width = shutil.get_terminal_size().columns - 1
                self.out.write(text if len(text) <= width else text[:max(0, width - 1)] + "…")
                self._shown = True
            self.out.flush()
