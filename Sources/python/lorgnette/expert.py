"""`@expert`: a function, or a class that loads a model, becomes a worker."""
from __future__ import annotations

import functools
import glob
import hashlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, overload

from . import description as signature
from .answer import Answer, Model, as_answer
from .description import Description
from .failures import Failure, InternalFault
from .task import Task


class Expert:
    """What `@expert` makes: call it like the function it was, or serve with ``main``."""

    def __init__(
        self, wrapped: Any, *, name: "str | None", version: str, about: "str | None", batch: "int | None", concurrency: int,
        credit: "int | None", tensors: "str | None"):
        if batch is not None and (batch < 1 or concurrency != 1):
            raise ValueError("a batch is at least 1, and has one thread")
        if concurrency < 1 or (credit is not None and credit < 1):
            raise ValueError("an expert works on at least one task")
        self.wrapped = wrapped
        self.batch = batch
        self.threads = concurrency
        functools.update_wrapper(self, wrapped, updated=())
        is_class = inspect.isclass(wrapped)
        service = name or (re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", wrapped.__name__).lower())
        answer = wrapped.answer if is_class else wrapped
        load = wrapped.load if is_class and hasattr(wrapped, "load") else None
        declared = signature.options(load, 1) if load else () if is_class else signature.options(answer)
        text = about or (inspect.getdoc(wrapped) or "").split("\n\n")[0].replace("\n", " ") or f"The expert {service}."
        self.description = Description(
            service, f"lorgnette-{service} {version} ({_source(wrapped)})", text,
            signature.ports(answer, batch=batch is not None, skip=1 if is_class else 0), declared, tensors,
            max(batch or 1, concurrency))
        self.credit = credit or self.description.concurrency

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.wrapped(*arguments, **keywords)

    def main(self, arguments: "Sequence[str] | None" = None) -> NoReturn:
        """The whole `main` of a worker: serves until the coordinator is done with it, then ends the process."""
        from .main import run

        run(self, list(sys.argv[1:] if arguments is None else arguments))

    def open(self, options: dict[str, Any]) -> "Loaded":
        """Loads and warms up, with options that are settled."""
        return Loaded(self, options)


class Loaded:
    """An expert that can answer."""

    def __init__(self, expert: Expert, options: dict[str, Any]):
        self._parameters = expert.description.parameters
        self._batch = expert.batch
        self.models: tuple[Model, ...] = ()
        if inspect.isclass(expert.wrapped):
            worker: Any = expert.wrapped()
            if hasattr(worker, "load"):
                worker.load(**options)
            if hasattr(worker, "warm_up"):
                worker.warm_up()
            self.models = tuple(getattr(worker, "models", ()))
            self._function: Callable[..., Any] = worker.answer
        else:
            self._function = functools.partial(expert.wrapped, **options)

    def answer(self, tasks: Sequence[Task]) -> list[Answer | Failure]:
        """One answer or failure for each task. Never raises."""
        answers: list[Answer | Failure] = []
        good: list[tuple[Task, list[Any]]] = []
        if self._batch is None:
            return [self._guarded(functools.partial(self._one, task), task)[0] for task in tasks]
        order: list[Answer | Failure | None] = []
        for task in tasks:
            values = self._values(task)
            order.append(values if isinstance(values, Failure) else None)
            if not isinstance(values, Failure):
                good.append((task, values))
        returned = self._many(good) if good else []
        for failure in order:
            answers.append(failure if failure is not None else returned.pop(0))
        return answers

    def _values(self, task: Task) -> list[Any] | Failure:
        try:
            return [port.value(task) for port in self._parameters]
        except Exception as error:  # whatever the inputs did: it is this task's failure
            return Failure.of(error)

    def _one(self, task: Task) -> list[Answer | Failure]:
        values = self._values(task)
        if isinstance(values, Failure):
            return [values]
        returned: Any = self._function(*values)
        if inspect.isgenerator(returned):
            text = ""
            piece: Any
            for piece in returned:
                task.check_cancelled()
                task.report(piece)
                text += piece
            returned = text
        return [as_answer(returned)]

    def _many(self, good: list[tuple[Task, list[Any]]]) -> list[Answer | Failure]:
        columns = [list(column) for column in zip(*(values for _, values in good))]

        def work() -> list[Answer | Failure]:
            returned = list(self._function(*columns))
            if len(returned) != len(good):
                raise InternalFault(f"expected {len(good)} answers for a batch of {len(good)}, found {len(returned)}")
            return [self._guarded(functools.partial(_element, one), None)[0] for one in returned]

        found = self._guarded(work, None)
        return found if len(found) == len(good) else found * len(good)

    @staticmethod
    def _guarded(work: Callable[[], list[Answer | Failure]], task: Task | None) -> list[Answer | Failure]:
        try:
            return work()
        except SystemExit as error:
            return [InternalFault(f"the expert called sys.exit({error.code})")]
        except Exception as error:  # an expert may raise anything, and only this task fails
            if not isinstance(error, Failure) and not (task is not None and task.is_cancelled):
                import traceback

                traceback.print_exc()
            return [Failure.of(error)]


def _element(returned: Any) -> list[Answer | Failure]:
    return [Failure.of(returned) if isinstance(returned, Exception) else as_answer(returned)]


def _source(wrapped: Any) -> str:
    """Names the author's code by its content: results are kept by it, and a changed expert is asked again. In a package,
    the files beside it count, too."""
    try:
        file = inspect.getsourcefile(wrapped) or ""
        files = sorted(glob.glob(os.path.join(glob.escape(os.path.dirname(file)), "*.py"))) if "." in wrapped.__module__ else [file]
        digest = hashlib.sha256()
        for path in files:
            with open(path, "rb") as source:
                digest.update(source.read())
        return f"source {digest.hexdigest()[:12]}"
    except (OSError, TypeError):
        return f"Python {sys.version_info[0]}.{sys.version_info[1]}"


@overload
def expert(function: Callable[..., Any], /) -> Expert: ...
@overload
def expert(
    *, name: "str | None" = None, version: str = "1.0", about: "str | None" = None, batch: "int | None" = None,
    concurrency: int = 1, credit: "int | None" = None, tensors: "str | None" = None) -> Callable[[Any], Expert]: ...
def expert(
    function: "Callable[..., Any] | None" = None, /, *, name: "str | None" = None, version: str = "1.0", about: "str | None" = None,
    batch: "int | None" = None, concurrency: int = 1, credit: "int | None" = None, tensors: "str | None" = None) -> Any:
    """Makes an expert of a function, or of a class with `answer` and perhaps `load`, `warm_up` and `models`.

    Parameters by position are what comes in: a ``Picture``, the question (`str`), ``Words`` or ``Tensors`` of other stages,
    the ``Task`` itself. Keyword-only parameters, of the function or of `load`, are options of the pipeline file.

    - name: the word that pipelines use; else the function's name.
    - batch: up to so many tasks come at once, each parameter as a list, and a list of answers goes back.
    - concurrency: so many threads call the function at the same time.
    - credit: so many tasks are held, waiting ones included; only for quick work, since a waiting task's time runs already.
    - tensors: the name of an output of tensors.
    """
    def wrap(wrapped: Any) -> Expert:
        return Expert(
            wrapped, name=name, version=version, about=about, batch=batch, concurrency=concurrency, credit=credit, tensors=tensors)

    return wrap(function) if function is not None else wrap
