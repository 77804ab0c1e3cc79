"""What an author writes: signatures, answers, options, rehearsals. No sockets."""
import unittest
from typing import Annotated, Literal

from lorgnette import (
    Answer, BadInput, BadOption, InternalFault, Option, Picture, Region, Tensor, Words, expert, rehearse)
from lorgnette import lorgnette_pb2 as wire
from lorgnette.answer import pack

import puppet


class Signatures(unittest.TestCase):
    def test_positions_are_inputs_and_keywords_are_options(self):
        @expert(name="all")
        def every(picture: Picture, question: str, context: Words | None, *, word: str = "x", number: float = 0.5, whole: int = 3,
                  flag: bool = True, names: list[str] = ["a", "b"], budget: dict[str, int] = {"text": 9}, maybe: str | None = None,
                  mood: Literal["calm", "loud"] = "calm", near: Annotated[float, Option("how near", minimum=1, maximum=2)] = 1.5):
            """One sentence
            in two lines.

            More."""

        hello = every.description.hello("w", 7)
        self.assertEqual(hello.about, "One sentence in two lines.")
        self.assertEqual([(port.name, port.kind, port.required) for port in hello.inputs], [
            ("picture", wire.KIND_PICTURE, True), ("question", wire.KIND_QUESTION, True), ("context", wire.KIND_TEXT, False)])
        kinds = wire.Option
        self.assertEqual([(option.name, option.type, option.default_text) for option in hello.options], [
            ("word", kinds.TYPE_STRING, "x"), ("number", kinds.TYPE_NUMBER, "0.5"), ("whole", kinds.TYPE_INTEGER, "3"),
            ("flag", kinds.TYPE_BOOL, "true"), ("names", kinds.TYPE_STRING_LIST, "[a, b]"),
            ("budget", kinds.TYPE_INTEGER_MAP, "{text: 9}"), ("maybe", kinds.TYPE_STRING, ""), ("mood", kinds.TYPE_STRING, "calm"),
            ("near", kinds.TYPE_NUMBER, "1.5")])
        self.assertEqual(list(hello.options[7].choices), ["calm", "loud"])
        near = hello.options[8]
        self.assertEqual((near.about, near.minimum, near.maximum), ("how near", 1, 2))
        self.assertFalse(hello.options[0].HasField("minimum"))
        self.assertIn("near    how near (a number, default 1.5, from 1, to 2)", every.description.usage)

    def test_what_cannot_be_a_signature_is_said_at_once(self):
        def unknown(picture: Picture, size: int): ...
        def complex_option(picture: Picture, *, size: complex = 1j): ...
        def bad_default(picture: Picture, *, size: Annotated[int, Option(maximum=3)] = 4): ...
        def star(*pictures): ...
        def reserved(picture: Picture, *, workers: int = 1): ...
        for function in (unknown, complex_option, bad_default, star, reserved):
            with self.assertRaises((TypeError, ValueError), msg=function.__name__):
                expert(function)
        with self.assertRaises(ValueError):
            expert(name="Not a word")(lambda picture: "")

    def test_an_option_without_default_is_needed(self):
        @expert
        def need(question: str, *, word: str):
            return word + question

        with self.assertRaisesRegex(BadOption, '"word": expected a value'):
            rehearse(need)
        self.assertEqual(rehearse(need, question="!", word="a").text, "a!")

    def test_it_is_still_the_function(self):
        self.assertEqual(list(puppet.words("a b")), ["a ", "b "])


class Answers(unittest.TestCase):
    def test_what_a_function_may_return(self):
        def answer(returned):
            @expert(name="it")
            def it():
                return returned
            return rehearse(it)

        self.assertEqual(answer("x").text, "x")
        self.assertEqual(answer(None).text, "")
        self.assertEqual(answer([]).text, "")
        found = answer([Region("a", (0, 0, 1, 1)), Region("b")])
        self.assertEqual((found.text, len(found.regions)), ("a\nb", 2))
        self.assertEqual(answer(Answer(regions=[Region("a")])).text, "a")
        for bad in (7, ["x"], Answer("x", confidence=float("nan")), Region("a", (0, 0, 0, 1)), Region("a", (-1, 0, 1, 1)),
                    Answer(7), Answer(tensors=[Tensor("t", [2], b"1234")]), Answer(tensors=[Tensor("t", [], b"")])):
            with self.assertRaises(InternalFault, msg=str(bad)):
                answer(bad)

    def test_confidences_are_bounded_and_words_are_utf8(self):
        outcome, _ = pack(Answer("a\udcffb", 7, facts={"n": 3}))
        self.assertEqual((outcome.text, outcome.confidence, outcome.facts["n"]), ("a?b", 1, "3"))

    def test_tensors_from_arrays(self):
        import array
        tensor = Tensor.of("t", array.array("f", [1, 2]))
        self.assertEqual((list(tensor.shape), tensor.floats(), tensor.fault()), ([2], (1.0, 2.0), None))
        with self.assertRaises(InternalFault):
            Tensor.of("t", array.array("d", [1]))


class Rehearsals(unittest.TestCase):
    def test_inputs_come_as_on_the_wire(self):
        answer = rehearse(puppet.echo, b"abc", question="q", inputs={"context": ["a", Answer("b")]}, mood="loud")
        self.assertEqual(answer.text, "Q | A\nB | 3 BYTES")
        self.assertEqual(rehearse(puppet.echo, __file__).text.split()[1], "bytes")
        with self.assertRaises(BadInput):
            rehearse(puppet.echo, inputs={"nonsense": "x"})
        with self.assertRaises(BadOption):
            rehearse(puppet.echo, mood="sad")
        with self.assertRaises(InternalFault):
            rehearse(puppet.echo, question="error")


if __name__ == "__main__":
    unittest.main()
