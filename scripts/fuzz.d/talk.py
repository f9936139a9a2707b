"""Lines for whoever watches, and on a terminal one line that lives."""

import os
import shutil
import sys
import threading
import time


class Talk:
    """`live` when stdout is a terminal: then status() rewrites one line; else only say() prints. When nobody is left to
    read, a terminal closed or a pipe broken, the words go nowhere and the run goes on: its report is on disk."""

    def __init__(self, out=None):
        self.out = out or sys.stdout
        self.live = self.out.isatty()
        self._lock, self._shown, self._at = threading.Lock(), False, 0.0

    def _put(self, text):
        if self._shown:
            text, self._shown = "\r\033[K" + text, False
        try:
            self.out.write(text)
            self.out.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.out.fileno())  # what is buffered has to go somewhere at the end
            os.close(nowhere)
            self.live = False

    def say(self, text):
        with self._lock:
            self._put(text + "\n")

    def status(self, words):
        """Shows what `words` returns, once a second; None takes the line away."""
        if not self.live:
            return
        now = time.monotonic()
        if words is not None and now - self._at < 1:
            return
        text = words() if words else ""
        with self._lock:
            if text:
                self._at = now
                width = shutil.get_terminal_size().columns - 1
                text = text if len(text) <= width else text[:max(0, width - 1)] + "…"
            self._put(text)
            self._shown = bool(text) and self.live
