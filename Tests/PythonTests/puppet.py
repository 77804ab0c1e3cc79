"""Experts for the tests, as a person would write them; PUPPET says which one serves."""
import os
import time
from typing import Annotated, Literal

from lorgnette import Answer, BadPicture, MissingModel, Model, Option, Picture, Region, Task, Tensor, Tensors, Words, expert


@expert
def echo(task: Task, picture: Picture | None = None, question: str = "", context: Words = Words(), *,
         mood: Literal["calm", "loud"] = "calm", times: Annotated[int, Option("how often", minimum=1, maximum=9)] = 1):
    """Says back what it was given."""
    print("a line for the log")
    if question == "bad":
        raise BadPicture("corrupt")
    if question == "error":
        raise ZeroDivisionError("division by zero")
    if question == "number":
        return 7
    if question == "wait":
        task.report("waiting")
        while True:
            task.check_cancelled()
            time.sleep(0.001)
    said = [question, context.text] + ([f"{len(picture.read())} bytes"] if picture else [])
    text = " | ".join(part for part in said if part) * times
    return text.upper() if mood == "loud" else text


@expert(concurrency=2)
def busy(question: str):
    """Computes without a pause."""
    deadline = time.monotonic() + float(question)
    while time.monotonic() < deadline:
        sum(range(1000))
    return "done"


@expert
def words(question: str):
    """Writes word by word."""
    for word in question.split():
        yield word + " "


@expert(batch=3)
def batch(question: list[str]):
    """Says how many came together; `bad` is one's own failure."""
    return [BadPicture("one of them") if one == "bad" else f"{one} of {len(question)}" for one in question]


@expert(tensors="features")
class Shapes:
    """Loads, warms up, adds tensors."""

    def load(self, *, file: str | None = None, factor: float = 1):
        if file is not None:
            self.models = [Model.of_file("vision", file)]
        if factor < 0:
            raise MissingModel("expected a factor, found none")
        self.factor = factor

    def warm_up(self):
        self.warm = True

    def answer(self, visual: Tensors, question: str = "") -> Answer:
        if question == "nan":
            return Answer("x", tensors=[Tensor("n", [1], b"\0\0\xc0\x7f")])
        total = sum(sum(tensor.floats()) for tensor in visual) * self.factor
        return Answer(f"{total:g}", 0.5, [Region("all", (1, 2, 3, 4), 0.9)], [Tensor("features", [1, 1], visual[0].data[:4])])


if __name__ == "__main__":
    globals()[os.environ["PUPPET"]].main()
