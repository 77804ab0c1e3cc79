"""Damaged messages to a worker and to the coordinator, over their real sockets: none may crash, hang or swell them.

    python3 Tests/Chaos/wire_fuzz.py LORGNETTE [COUNT] [SEED]

COUNT messages (1,000,000 if not said), half to a worker, half to the coordinator, there from a worker of its own and from
strangers. Every few thousand, the worker must still answer a task; the coordinator must end its run with every input in its
results and the other stage's words unharmed. Needs pyzmq and the Python package of this repository: `make setup` makes an
environment with both. Run by the coordinator as `wire_fuzz.py worker …`, it is that worker.
"""
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zmq

from lorgnette import lorgnette_pb2 as wire

LIMIT_MB = 200
ITEMS = 40


def mutated(chance, data):
    """Bytes with a few damages, of which none may stay."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        kind, at = chance.randrange(8), chance.randrange(len(data) + 1)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            data[at:at] = chance.randbytes(chance.choice((1, 2, 8, 200)))
        elif kind == 4:
            del data[at:at + chance.choice((1, 2, 8))]
        elif kind == 5:
            data[at:at] = data[at // 2:at]
        elif kind == 6:  # groups in groups, or lengths of ten bytes
            data[at:at] = chance.choice((b"\x0b" * 200, b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x12\x7f" * 50))
        else:
            data += data[:64]
    return bytes(data)


def frames(chance, seeds):
    """A message as it goes over the wire; now and then with frames that nobody speaks of, or without any."""
    message = [mutated(chance, chance.choice(seeds))]
    if chance.randrange(4) == 0:
        message += [chance.randbytes(chance.choice((0, 1, 16, 4096))) for _ in range(chance.choice((1, 2, 70)))]
    if chance.randrange(50) == 0:
        message[0] = chance.choice((b"", chance.randbytes(300)))
    return message


def memory(pid):
    """The largest memory that the process has had, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) // 1024
    return 0


class Failed(Exception):
    pass


class WorkerTarget:
    """The coordinator's side, towards one `lorgnette-rehearsal` at a time."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.bind(f"ipc://{folder}/workers")
        self.ends, self.most = {}, 0
        self.start()

    def start(self):
        environment = os.environ | {"LORGNETTE_CONNECT": f"ipc://{self.folder}/workers", "LORGNETTE_WORKER": "w"}
        with open(f"{self.folder}/worker.log", "ab") as log:
            self.process = subprocess.Popen([self.program], env=environment, stdout=log, stderr=log)
        self.next = 1
        while True:
            peer, message = self.receive(20)
            if message.HasField("hello"):
                self.peer, self.epoch = peer, message.epoch
                break
        self.send(welcome=wire.Welcome(stage="s", heartbeat_ms=1000, liveness_ms=60000))
        while not self.receive(20)[1].HasField("ready"):
            pass

    def envelope(self, **body):
        return wire.Envelope(protocol=1, epoch=self.epoch, **body).SerializeToString()

    def send(self, **body):
        self.socket.send_multipart([self.peer, self.envelope(**body)])

    def receive(self, seconds):
        if not self.socket.poll(seconds * 1000):
            raise Failed(f"the worker says nothing for {seconds} s")
        peer, *message = self.socket.recv_multipart()
        return peer, wire.Envelope.FromString(message[0])

    def seeds(self):
        task = wire.Task(id=self.next, attempt=1, lease_ms=1000, item="a.pgm", question="what?")
        task.inputs.add(port="context", stage="first", outcome=wire.Outcome(text="words"))
        return [self.envelope(task=task), self.envelope(task=task), self.envelope(cancel=wire.Cancel(task=self.next, attempt=1)),
                self.envelope(heartbeat=wire.Heartbeat()), self.envelope(welcome=wire.Welcome(stage="s", heartbeat_ms=1000))]

    def drain(self):
        while self.socket.poll(0):
            self.socket.recv_multipart()

    def run(self, chance, count):
        sent = 0
        while sent < count:
            seeds = self.seeds()
            for _ in range(min(500, count - sent)):
                self.socket.send_multipart([self.peer] + frames(chance, seeds))
                sent += 1
            self.drain()
            self.prove(sent)
        self.most = max(self.most, memory(self.process.pid))
        self.process.terminate()
        self.process.wait()

    def prove(self, sent):
        """The worker answers, or has ended in order: what was damaged into a sound Drain or Refuse is one."""
        # By chance: no damaged task may have had this number before, for a worker answers none twice.
        self.next = secrets.randbits(62) + 1
        deadline = time.monotonic() + 60
        self.send(task=wire.Task(id=self.next, attempt=1, lease_ms=60000, item="proof", question="?"))
        asked = time.monotonic()
        while True:
            if self.process.poll() is not None:
                return self.restart(sent)
            if time.monotonic() > deadline:
                raise Failed(f"no answer after {sent} messages")
            if not self.socket.poll(100):
                continue
            body = wire.Envelope.FromString(self.socket.recv_multipart()[1])
            if body.HasField("result") and body.result.task == self.next:
                break
            if body.HasField("failure") and body.failure.task == self.next:
                # Its credit is full of damaged tasks that are sound; it is asked again.
                if not body.failure.retryable:
                    raise Failed(f"a sound task failed after {sent} messages: {body.failure.message}")
                time.sleep(max(0, asked + 0.01 - time.monotonic()))
                self.send(task=wire.Task(id=self.next, attempt=1, lease_ms=60000, item="proof", question="?"))
                asked = time.monotonic()
        self.most = max(self.most, memory(self.process.pid))
        if self.most > LIMIT_MB:
            raise Failed(f"the worker took {self.most} MB after {sent} messages")

    def restart(self, sent):
        status = self.process.returncode
        if status < 0:
            raise Failed(f"the worker died of signal {-status} after {sent} messages: {self.folder}/worker.log")
        self.ends[status] = self.ends.get(status, 0) + 1
        self.drain()
        self.start()


def worker(quota, seed, tally):
    """A worker of the coordinator that sends `quota` damaged messages before it answers a task, half of them as a stranger.

    It goes on after what it said may have ended its task, or it itself: then the next one begins anew.
    """
    context = zmq.Context.instance()
    epoch, chance = secrets.randbits(63) + 1, random.Random(seed + os.getpid())
    socket = context.socket(zmq.DEALER)
    socket.linger = 1000
    socket.connect(os.environ["LORGNETTE_CONNECT"])
    stranger = context.socket(zmq.DEALER)
    stranger.linger = 0
    stranger.connect(os.environ["LORGNETTE_CONNECT"])

    def envelope(**body):
        return wire.Envelope(protocol=1, epoch=epoch, **body).SerializeToString()

    hello = wire.Hello(service="noise", worker=os.environ["LORGNETTE_WORKER"], concurrency=1, pid=os.getpid(),
                       inputs=[wire.Port(name="picture", kind=wire.KIND_PICTURE, required=True)],
                       outputs=[wire.Port(name="text", kind=wire.KIND_TEXT)])
    socket.send(envelope(hello=hello))
    while True:
        if not socket.poll(1000):
            socket.send(envelope(heartbeat=wire.Heartbeat()))
            continue
        message = wire.Envelope.FromString(socket.recv_multipart()[0])
        if message.HasField("welcome"):
            socket.send(envelope(ready=wire.Ready(credit=1)))
        elif message.HasField("drain") or message.HasField("refuse"):
            socket.send(envelope(goodbye=wire.Goodbye()))
            return
        elif message.HasField("task"):
            task = message.task
            answered = dict(task=task.id, attempt=task.attempt)
            result = wire.Result(outcome=wire.Outcome(text="noise", confidence=0.5), **answered)
            result.outcome.lines.add(text="noise", box=[0, 0, 2, 2], confidence=0.5)
            seeds = [envelope(result=result), envelope(progress=wire.Progress(text="noi", **answered)),
                     envelope(failure=wire.Failure(code=wire.FAILURE_CODE_INTERNAL, message="noise", **answered)),
                     envelope(heartbeat=wire.Heartbeat()), envelope(hello=hello), envelope(ready=wire.Ready(credit=1))]
            if sum(int(number) for number in Path(tally).read_text().split()) < quota * ITEMS * 2 // 3:
                for number in range(quota):
                    (stranger if number % 2 else socket).send_multipart(frames(chance, seeds))
                    if number % 250 == 249 or number == quota - 1:
                        with open(tally, "a") as file:
                            file.write(f"{number % 250 + 1}\n")
            socket.send(envelope(result=result))


def coordinator(lorgnette, folder, count, seed):
    """A run whose one stage is noise and whose other one is not."""
    quota = 1 + count * 3 // 2 // ITEMS  # some end their task, or their sender, before it has sent them all
    tally, pictures, out = f"{folder}/tally", Path(folder, "pictures"), f"{folder}/out"
    pictures.mkdir()
    Path(tally).touch()
    for number in range(ITEMS):
        (pictures / f"{number:02}.pgm").write_bytes(b"P5\n2 2\n255\n" + number.to_bytes(4, "big"))
    command = json.dumps([sys.executable, os.path.abspath(__file__), "worker", str(quota), str(seed), tally])
    pipeline = Path(folder, "noise.yaml")
    pipeline.write_text(
        f"pipeline: noise\nstages:\n  noise: {{command: {command}, optional: true, deadline: 60s}}\n"
        "  quiet: {expert: rehearsal}\nanswer: quiet\n")
    run = subprocess.Popen([lorgnette, "run", str(pipeline), str(pictures), "--out", out],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    most, deadline = 0, time.monotonic() + 60 + count / 500
    while run.poll() is None:
        try:
            most = max(most, memory(run.pid))
        except (FileNotFoundError, ProcessLookupError):
            pass
        if time.monotonic() > deadline:
            run.send_signal(signal.SIGKILL)
            raise Failed("the run does not end")
        time.sleep(0.05)
    said = run.stdout.read()
    if run.returncode not in (0, 1):
        raise Failed(f"the run ended with {run.returncode}: {said[-2000:]}")
    lines = [json.loads(line) for line in Path(out, "results.jsonl").read_text().splitlines()]
    items = sorted(line["item"] for line in lines)
    if items != [f"{number:02}.pgm" for number in range(ITEMS)]:
        raise Failed(f"expected a line for each of {ITEMS} inputs, found {items}")
    for line in lines:
        quiet = line["stages"]["quiet"]
        if quiet["status"] != "ok" or quiet["text"] != line["item"]:
            raise Failed(f"the quiet stage was disturbed: {line}")
    if most > LIMIT_MB:
        raise Failed(f"the coordinator took {most} MB")
    sent = sum(int(number) for number in Path(tally).read_text().split())
    if sent < count:
        raise Failed(f"expected {count} damaged messages to the coordinator, sent {sent}")
    states = {state: sum(line["status"] == state for line in lines) for state in ("ok", "partial", "failed")}
    return sent, most, {state: number for state, number in states.items() if number}


def main():
    lorgnette = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory(prefix="lorgnette-wire-") as folder:
        try:
            target = WorkerTarget(os.path.join(os.path.dirname(lorgnette), "lorgnette-rehearsal"), folder)
            target.run(random.Random(seed), count // 2)
            print(f"worker       {count // 2} damaged messages, {target.most} MB at most, ended in order and started anew: "
                  f"{sum(target.ends.values())} {target.ends or ''}", flush=True)
            sent, most, states = coordinator(lorgnette, folder, count - count // 2, seed)
            print(f"coordinator  {sent} damaged messages, {most} MB at most; {ITEMS} inputs: {states}")
        except Failed as failure:
            print(f"wire_fuzz: {failure}")
            log = Path(folder, "worker.log")
            if log.exists():
                print(log.read_text(errors="replace")[-2000:])
            sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        main()
