"""The other side of the wire, in a test's own hands: says what the test says, hears what the worker says."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import zmq

from lorgnette import lorgnette_pb2 as wire

PUPPET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "puppet.py")
PATIENCE = 20


class Coordinator(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="lorgnette-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.context = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.router.setsockopt(zmq.LINGER, 0)
        self.endpoint = f"ipc://{self.folder}/c"
        self.router.bind(self.endpoint)
        self.addCleanup(self.context.term)
        self.addCleanup(self.router.close)
        self.peer, self.epoch, self.heartbeats = b"", 0, 0

    def start(self, *arguments, expert="echo", **environment):
        given = {key: value for key, value in os.environ.items() if not key.startswith("LORGNETTE_")}
        given |= {"LORGNETTE_CONNECT": self.endpoint, "LORGNETTE_WORKER": "w1", "PUPPET": expert, **environment}
        self.worker = subprocess.Popen(
            [sys.executable, PUPPET, *arguments], env={key: value for key, value in given.items() if value},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.finish, self.worker)
        return self.worker

    @staticmethod
    def finish(worker):
        worker.kill()
        worker.wait()
        worker.stdout.close()
        worker.stderr.close()

    def ended(self):
        """The exit status, stdout and stderr of the worker."""
        out, log = self.worker.communicate(timeout=PATIENCE)
        return self.worker.returncode, out, log

    def next(self, beats=False):
        """The next message but Heartbeats: its kind, its content, its payload frames."""
        deadline = time.monotonic() + PATIENCE
        while self.router.poll(max(1, (deadline - time.monotonic()) * 1000)):
            self.peer, frame, *payloads = self.router.recv_multipart()
            envelope = wire.Envelope.FromString(frame)
            self.epoch = envelope.epoch
            kind = envelope.WhichOneof("body")
            if kind == "heartbeat":
                self.heartbeats += 1
            if kind != "heartbeat" or beats:
                return kind, getattr(envelope, kind), payloads
        self.fail(f"no message for {PATIENCE} seconds")

    def expect(self, kind):
        found, content, _ = self.next()
        self.assertEqual(found, kind, content)
        return content

    def say(self, *payloads, protocol=1, epoch=None, **body):
        envelope = wire.Envelope(protocol=protocol, epoch=self.epoch if epoch is None else epoch, **body)
        self.raw(envelope.SerializeToString(), *payloads)

    def raw(self, *frames):
        self.router.send_multipart([self.peer, *frames])

    def greet(self, heartbeat=50, liveness=60_000, **options):
        self.hello = self.expect("hello")
        welcome = wire.Welcome(stage="s", heartbeat_ms=heartbeat, liveness_ms=liveness)
        welcome.options.update(options)
        self.say(welcome=welcome)

    def ready(self, **options):
        self.greet(**options)
        return self.expect("ready")

    def task(self, number, *payloads, attempt=1, **content):
        self.say(*payloads, task=wire.Task(id=number, attempt=attempt, lease_ms=60_000, item=f"{number}.png", **content))

    def failure(self, number, code):
        failure = self.expect("failure")
        self.assertEqual((failure.task, wire.FailureCode.Name(failure.code)), (number, f"FAILURE_CODE_{code}"), failure.message)
        return failure
