"""Whole conversations over real sockets, the worker in a process of its own."""
import hashlib
import itertools
import os
import signal
import struct
import subprocess
import sys
import time
import unittest

import zmq

from lorgnette import lorgnette_pb2 as wire

from coordinator import PUPPET, Coordinator


class Conversation(Coordinator):
    def test_one_whole_conversation(self):
        self.start()
        self.assertEqual(self.ready(mood="loud").credit, 1)
        hello = self.hello
        self.assertEqual((hello.service, hello.worker, hello.pid), ("echo", "w1", self.worker.pid))
        self.assertEqual([(port.name, port.kind, port.required) for port in hello.inputs], [
            ("picture", wire.KIND_PICTURE, False), ("question", wire.KIND_QUESTION, False), ("context", wire.KIND_TEXT, False)])
        self.assertEqual([(option.name, option.default_text) for option in hello.options], [("mood", "calm"), ("times", "1")])
        self.assertRegex(hello.software, r"^lorgnette-echo 1\.0 \(source [0-9a-f]{12}\)$")
        self.task(1, question="why", inputs=[
            wire.Input(port="context", stage=stage, outcome=wire.Outcome(text=stage)) for stage in ("a", "b")])
        result = self.expect("result")
        self.assertEqual((result.task, result.attempt, result.outcome.text), (1, 1, "WHY | A\nB"))
        self.say(drain=wire.Drain())
        self.expect("goodbye")
        status, out, log = self.ended()
        self.assertEqual((status, out), (0, ""))
        self.assertIn("a line for the log", log)

    def test_pictures_by_path_and_by_bytes_are_checked(self):
        self.start()
        self.ready()
        file, content = f"{self.folder}/p.png", b"some bytes"
        with open(file, "wb") as out:
            out.write(content)
        digest = hashlib.sha256(content).digest()
        self.task(1, picture=wire.Picture(path=file, sha256=digest, byte_count=10))
        self.assertEqual(self.expect("result").outcome.text, "10 bytes")
        self.task(2, content, picture=wire.Picture(frame=0, sha256=digest, byte_count=10))
        self.assertEqual(self.expect("result").outcome.text, "10 bytes")
        self.task(3, picture=wire.Picture(path=file, sha256=bytes(32), byte_count=10))
        self.failure(3, "CHANGED")
        self.task(4, picture=wire.Picture(path=file, byte_count=11))
        self.failure(4, "CHANGED")
        self.task(5, picture=wire.Picture(path=file + "x"))
        self.failure(5, "CHANGED")
        self.task(6, b"", picture=wire.Picture(frame=0))
        self.failure(6, "BAD_PICTURE")
        self.task(7, picture=wire.Picture(frame=0))
        self.failure(7, "BAD_INPUT")
        self.task(8, inputs=[wire.Input(port="nonsense")])
        self.failure(8, "BAD_INPUT")

    def test_failures_are_typed_and_only_of_their_task(self):
        self.start()
        self.ready()
        for number, (question, code, message) in enumerate([
            ("bad", "BAD_PICTURE", "corrupt"), ("error", "INTERNAL", "ZeroDivisionError: division by zero"),
            ("number", "INTERNAL", "found int")], 1):
            self.task(number, question=question)
            failure = self.failure(number, code)
            self.assertIn(message, failure.message)
            self.assertFalse(failure.retryable)
        self.task(9, question="still here")
        self.assertEqual(self.expect("result").outcome.text, "still here")

    def test_credit_duplicates_attempts_cancel_and_drain(self):
        self.start()
        self.ready()
        self.task(1, question="wait")
        self.assertEqual(self.expect("progress").text, "waiting")
        self.task(1, question="wait")
        self.task(1, attempt=2)
        self.assertTrue(self.failure(1, "PROTOCOL").retryable)
        self.task(2)
        self.assertIn("over the credit of 1", self.failure(2, "PROTOCOL").message)
        self.say(cancel=wire.Cancel(task=7, attempt=1))
        self.say(cancel=wire.Cancel(task=1, attempt=1))
        self.assertEqual(self.failure(1, "CANCELLED").attempt, 1)
        self.task(1, question="wait")
        self.task(3, question="wait")
        self.expect("progress")
        self.say(drain=wire.Drain())
        self.task(4)
        self.failure(4, "DRAINING")
        self.say(cancel=wire.Cancel(task=3, attempt=1))
        self.failure(3, "CANCELLED")
        self.expect("goodbye")
        self.assertEqual(self.ended()[0], 0)

    def test_it_beats_while_every_thread_computes(self):
        self.start(expert="busy")
        self.assertEqual(self.ready(heartbeat=20).credit, 2)
        self.task(1, question="0.5")
        self.task(2, question="0.5")
        self.expect("result")
        self.expect("result")
        self.assertGreater(self.heartbeats, 4)

    def test_nonsense_ends_nothing_but_itself(self):
        self.start()
        self.ready()
        deep = wire.Welcome(heartbeat_ms=1, liveness_ms=2)
        nested = []
        for _ in range(40):
            nested = [nested]
        deep.options.update({"mood": nested})
        beat = wire.Envelope(protocol=1, epoch=self.epoch, heartbeat=wire.Heartbeat()).SerializeToString()
        self.raw(b"\xff\xfe\x07\x00\xff\xff\xff\xff\x7f")
        self.raw(b"")
        self.raw(beat[:5])
        self.raw(beat + bytes([0xA2, 0x06]) + b"\x80\x80\xc0\x02" + bytes(5 << 20))
        self.raw(beat, *[b"x"] * 100)
        self.say(welcome=deep)
        self.say(result=wire.Result(task=1))
        self.say(epoch=self.epoch ^ 1, task=wire.Task(id=1, attempt=1))
        self.say(protocol=2, task=wire.Task(id=1, attempt=1))
        self.raw(wire.Envelope(protocol=1, epoch=self.epoch).SerializeToString())
        self.task(2, question="still here")
        self.assertEqual(self.expect("result").outcome.text, "still here")

    def test_hello_is_said_again_and_deep_options_are_dropped(self):
        self.start()
        self.expect("hello")
        welcome = wire.Welcome(heartbeat_ms=50, liveness_ms=60_000)
        nested = "x"
        for _ in range(15):
            nested = [nested]
        welcome.options.update({"mood": nested})
        self.say(welcome=welcome)
        self.ready()

    def test_wrong_options_and_another_protocol_end_it(self):
        self.start()
        self.greet(mood="sad", times=1.5, colour="red")
        message = self.failure(0, "BAD_OPTION").message
        for part in ('"mood": expected one of calm, loud, found sad', '"times": expected an integer, found 1.5', '"colour"'):
            self.assertIn(part, message)
        self.expect("goodbye")
        self.assertEqual(self.ended()[0], 78)
        self.start()
        self.expect("hello")
        self.say(protocol=2, welcome=wire.Welcome(heartbeat_ms=50, liveness_ms=1000))
        self.assertEqual(self.failure(0, "PROTOCOL").message, "expected protocol 1, found 2")
        self.expect("goodbye")
        self.assertEqual(self.ended()[0], 76)
        self.start()
        self.expect("hello")
        self.say(refuse=wire.Refuse(message="not wanted"))
        self.assertEqual(self.ended()[0], 76)

    def test_silence_ends_it(self):
        self.start()
        self.ready(heartbeat=20, liveness=300)
        self.assertEqual(self.ended()[0], 69)

    def test_sigterm_drains_and_a_second_one_ends(self):
        self.start()
        self.ready()
        self.task(1, question="wait")
        self.expect("progress")
        self.worker.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        for number in itertools.count(2):
            self.task(number)
            if self.expect("failure").code == wire.FAILURE_CODE_DRAINING:
                break
            self.assertLess(time.monotonic(), deadline, "the worker takes no notice of SIGTERM")
        self.worker.send_signal(signal.SIGTERM)
        self.assertEqual(self.ended()[0], 128 + signal.SIGTERM)
        self.start()
        self.ready()
        self.worker.send_signal(signal.SIGTERM)
        self.expect("goodbye")
        self.assertEqual(self.ended()[0], 0)

    def test_it_dies_with_its_coordinator(self):
        code = "import os, subprocess, sys; p = subprocess.Popen([sys.executable, sys.argv[1]], env=os.environ | " \
               "{'LORGNETTE_PARENT': str(os.getpid())}); print(p.pid, flush=True); p.wait()"
        environment = os.environ | {"LORGNETTE_CONNECT": self.endpoint, "PUPPET": "echo"}
        parent = subprocess.Popen([sys.executable, "-c", code, PUPPET], env=environment, stdout=subprocess.PIPE, text=True)
        self.addCleanup(parent.kill)
        pid = int(parent.stdout.readline())
        self.ready()
        parent.kill()
        parent.wait()
        parent.stdout.close()
        deadline = time.monotonic() + 20
        while self._state(pid) not in ("", "Z"):
            self.assertLess(time.monotonic(), deadline, "the worker outlives its coordinator")
        self.start(LORGNETTE_PARENT="2147483000")
        self.assertEqual(self.ended()[0], 69)

    @staticmethod
    def _state(pid):
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def test_it_listens_when_told_to(self):
        self.router.unbind(self.endpoint)
        # A port that was free a moment ago.
        port = self.router.bind_to_random_port("tcp://127.0.0.1")
        self.router.unbind(f"tcp://127.0.0.1:{port}")
        self.start("--bind", f"tcp://127.0.0.1:{port}", LORGNETTE_CONNECT="")
        self.router.connect(f"tcp://127.0.0.1:{port}")
        self.ready()
        self.task(1, question="there")
        self.assertEqual(self.expect("result").outcome.text, "there")
        self.say(goodbye=wire.Goodbye())
        self.assertEqual(self.ended()[0], 0)

    def test_the_command_line_is_checked(self):
        for arguments, environment, status in [
            ([], {"LORGNETTE_CONNECT": ""}, 0), (["--help"], {}, 0), (["--connect", "tcp://10.0.0.1:1"], {}, 64),
            (["--conect", "x"], {}, 64), (["--bind"], {}, 64), ([], {"LORGNETTE_CONNECT": "nonsense"}, 64),
            ([], {"LORGNETTE_PARENT": "x"}, 64)]:
            self.start(*arguments, **environment)
            found, out, log = self.ended()
            self.assertEqual(found, status, (arguments, log))
            self.assertEqual("echo: {expert: echo}" in out, status == 0)

    def test_words_are_streamed(self):
        self.start(expert="words")
        self.ready()
        self.task(1, question="one two")
        self.assertEqual([self.expect("progress").text for _ in range(2)], ["one ", "two "])
        self.assertEqual(self.expect("result").outcome.text, "one two ")

    def test_a_batch_answers_each(self):
        self.start(expert="batch")
        self.assertEqual(self.ready().credit, 3)
        for number, question in enumerate(["a", "bad", "c"], 1):
            self.task(number, question=question)
        answers = {}
        for _ in range(3):
            kind, content, _ = self.next()
            answers[content.task] = kind
        self.assertEqual(answers, {1: "result", 2: "failure", 3: "result"})

    def test_a_class_loads_and_tensors_travel(self):
        self.start(expert="Shapes")
        ready = self.ready(factor=2, file=PUPPET)
        self.assertEqual((ready.models[0].role, ready.models[0].name), ("vision", "puppet.py"))
        self.assertRegex(ready.models[0].fingerprint, "^sha256:[0-9a-f]{64}$")
        tensor = wire.Tensor(name="t", dtype="f32", shape=[2], frame=0)
        given = wire.Input(port="visual", stage="v", outcome=wire.Outcome(tensors=[tensor]))
        self.task(1, struct.pack("<2f", 1.5, 2), inputs=[given])
        kind, result, payloads = self.next()
        self.assertEqual((kind, result.outcome.text, payloads), ("result", "7", [struct.pack("<f", 1.5)]))
        self.assertEqual(list(result.outcome.lines[0].box), [1, 2, 3, 4])
        for number, payload in enumerate([b"1234", struct.pack("<2f", 1, float("nan")), None], 2):
            self.task(number, *([payload] if payload else []), inputs=[given])
            self.failure(number, "BAD_INPUT")
        self.task(5, struct.pack("<2f", 1, 2), inputs=[given, given])
        self.failure(5, "BAD_INPUT")
        self.task(6)
        self.failure(6, "BAD_INPUT")
        self.task(7, struct.pack("<2f", 1, 2), inputs=[given], question="nan")
        self.failure(7, "INTERNAL")
        self.start(expert="Shapes")
        self.greet(factor=-1)
        self.failure(0, "MISSING_MODEL")
        self.expect("goodbye")
        self.assertEqual(self.ended()[0], 66)


if __name__ == "__main__":
    unittest.main()
