"""Where the expert lives: it loads on one compute thread, then answers tasks on as many as it can use."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from .answer import pack
from .expert import Expert, Loaded
from .failures import Cancelled, Failure
from .session import Key
from .task import Task


class Workshop:
    """`tell(name, *values)` gives an event to the socket's owner: the name is a method of Session."""

    def __init__(self, expert: Expert, tell: Callable[..., None]):
        self._expert = expert
        self._tell = tell
        self._changed = threading.Condition()
        self._waiting: list[Task] = []
        self._working: dict[Key, Task] = {}

    def load(self, options: dict[str, Any]) -> None:
        self._start(1, lambda: self._load(options))

    def run(self, task: Task) -> None:
        with self._changed:
            self._waiting.append(task)
            self._changed.notify()

    def cancel(self, key: Key) -> None:
        with self._changed:
            if key in self._working:
                self._working[key].cancel()
            waiting = [task for task in self._waiting if task.key == key]
            self._waiting = [task for task in self._waiting if task.key != key]
        if waiting:
            self._tell("failed", key, Cancelled())

    def _start(self, number: int, body: Callable[[], None]) -> None:
        threading.Thread(target=body, name=f"compute-{number}", daemon=True).start()

    def _load(self, options: dict[str, Any]) -> None:
        start = time.monotonic()
        try:
            loaded = self._expert.open(options)
        except BaseException as error:  # whatever loading raised, the coordinator hears of it
            if not isinstance(error, Failure):
                import traceback

                traceback.print_exc()
            return self._tell("load_failed", Failure.of(error))
        self._tell("loaded", self._expert.credit, loaded.models, time.monotonic() - start)
        for number in range(2, self._expert.threads + 1):
            self._start(number, lambda: self._work(loaded))
        self._work(loaded)

    def _work(self, loaded: Loaded) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                count = self._expert.batch or 1
                tasks, self._waiting = self._waiting[:count], self._waiting[count:]
                self._working.update((task.key, task) for task in tasks)
            self._answer(loaded, tasks)
            with self._changed:
                for task in tasks:
                    del self._working[task.key]

    def _answer(self, loaded: Loaded, tasks: Sequence[Task]) -> None:
        start = time.monotonic()
        answers = loaded.answer(tasks)
        seconds = (time.monotonic() - start) / len(tasks)
        for task, answer in zip(tasks, answers):
            failure = answer if isinstance(answer, Failure) else None
            if not isinstance(answer, Failure):
                try:
                    outcome, frames = pack(answer)
                    self._tell("finished", task.key, outcome, frames, seconds)
                except Exception as error:
                    failure = Failure.of(error)
            if failure is not None:
                # What an expert raises after a Cancel is its way of stopping.
                self._tell("failed", task.key, Cancelled() if task.is_cancelled else failure)
