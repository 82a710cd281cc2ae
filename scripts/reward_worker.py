#!/usr/bin/env python3
"""A reward worker that is not part of Skein: joins a run over ZeroMQ and scores answers with a Python function.

    scripts/reward_worker.py --run runs/mine --reward taste --file taste.py

Needs pyzmq and protobuf (`scripts/setup --python` has both); skein_pb2.py beside it is made from proto/. The run file
names the reward: `rewards: [{kind: worker, name: taste}]`. FILE defines `score(prompt, response) -> float`; without it
an answer is worth -|words - 20| / 20. Any number can join and leave.

Further parameters of `score` are filled by their names: `extra` is a dict of the columns of the prompt's line beside the
prompt, `messages` its turns (None for a plain prompt), any other name the column that is called so (None where the line
has none), and `**columns` takes all columns that have no parameter of their own. An answer has no score where `score`
returns None or raises, or takes longer than --timeout.

SIGTERM and SIGINT hand back what is not scored yet and leave. Exit codes: 0 the run is done or the worker was told to
leave, 1 the run failed or a score hangs beyond help, 2 wrong options, 75 no run answers (try again), 78 something has to be changed.
"""
import argparse
import collections
import importlib
import json
import math
import os
import pathlib
import queue
import secrets
import signal
import socket
import sys
import threading
import time
import zlib

from reward_file import CONFIGURATION, TRY_AGAIN, Ending, by_name, described, load, say
from reward_key import find_key, why_refused


def needed_packages():
    """The modules zmq and skein_pb2, or one sentence that names the packages that are missing."""
    missing = []
    for module, package in [("zmq", "pyzmq"), ("google.protobuf", "protobuf")]:
        try:
            importlib.import_module(module)
        except ImportError:
            missing.append(package)
    if missing:
        raise Ending(
            CONFIGURATION,
            f"{sys.executable} has no {' and no '.join(missing)}; call scripts/setup --python and use "
            f"~/.cache/skein/python/bin/python, or: {sys.executable} -m pip install {' '.join(missing)}")
    import zmq
    import zmq.utils.monitor
    try:
        import skein_pb2
    except ImportError as error:
        raise Ending(CONFIGURATION, f"skein_pb2.py must be beside reward_worker.py, from the same version: {error}")
    except Exception as error:  # protobuf's own check of versions
        raise Ending(CONFIGURATION, f"the installed protobuf does not fit; call scripts/setup --python: {error}")
    return zmq, skein_pb2.Envelope


PROTOCOL, SLOTS = 5, 2


def brevity(prompt, response):
    return -abs(len(response.split()) - 20) / 20


class Leave(BaseException):
    """Raised into `score` by a signal; no `except Exception` of a reward catches it."""


class Late(BaseException):
    """Raised into `score` when it takes longer than --timeout."""


class Scoring:
    """Scores leased jobs on the main thread, where Python runs handlers of signals.

    Between it and the link, which is another thread, go queues: `inbox` holds leases, None to end.
    """

    def __init__(self, reward, score, path, timeout):
        self.reward, self.score, self.path, self.timeout = reward, by_name(score), path, timeout
        self.inbox = queue.SimpleQueue()
        self.link = None
        self.leaving = False
        self.in_score = False
        self.since = None  # when the call of `score` that runs now began

    def leave(self, *_):
        if self.leaving:
            os._exit(TRY_AGAIN)
        self.leaving = True
        self.inbox.put(None)
        if self.in_score:
            raise Leave()

    def late(self, *_):
        if self.in_score:
            raise Late()

    def run(self):
        # Whoever started this may have blocked them, and the mask is inherited.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGALRM})
        signal.signal(signal.SIGTERM, self.leave)
        signal.signal(signal.SIGINT, self.leave)
        signal.signal(signal.SIGALRM, self.late)
        while not self.leaving:
            lease = self.inbox.get()
            if lease is None:
                break
            if not self.leaving and self.link.begins(lease):
                try:
                    self.link.finished(lease, scores=self.work(lease))
                except Leave:
                    pass
        self.link.leave()

    def one(self, item, data):
        # Parsed for each answer, so that a function may change what it gets.
        extra = json.loads(data.extra) if data and data.extra else {}
        messages = json.loads(data.conversation)["messages"] if data and data.conversation else None
        try:
            self.since, self.in_score = time.monotonic(), True
            signal.setitimer(signal.ITIMER_REAL, self.timeout)
            value = self.score(item.prompt_text, item.response_text, extra, messages)
        finally:
            self.in_score, self.since = False, None
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self.leaving:
            raise Leave()
        if value is None:
            raise ValueError("score returned None")
        value = float(value)
        if not math.isfinite(value):
            raise ValueError(f"score returned {value}")
        return value

    def work(self, lease):
        rows = {data.row: data for data in lease.score.rows}
        values, failed, cause = [], [], ""
        for index, item in enumerate(lease.score.trajectories.items):
            try:
                values.append(self.one(item, rows.get(item.row)))
            except (Leave, KeyboardInterrupt):
                raise Leave()
            except BaseException as error:  # one bad answer must not lose the others
                late = isinstance(error, Late)
                why = f"score took longer than {self.timeout:g} s (--timeout)" if late else described(error, self.path)
                cause = f"row {item.row}: {why}"
                values.append(0.0)
                failed.append(index)
        errors = []
        if failed:
            errors = [f"reward {self.reward} failed for {len(failed)} of {len(values)} answers", cause]
            say("; ".join(errors))
        return dict(rewards=[dict(name=self.reward, values=values, failed=failed)], errors=errors)


class Link(threading.Thread):
    """Holds the connection: leases and their renewals, results until they are acknowledged, reports, the farewell."""

    ENDS = 2  # seconds in which the coordinator may acknowledge the last results

    def __init__(self, modules, address, name, reward, scoring, patience, key=None):
        super().__init__(daemon=True)
        self.zmq, self.Envelope = modules
        self.address, self.name_, self.reward, self.scoring, self.patience = address, name, reward, scoring, patience
        self.incarnation = secrets.randbits(64)
        self.epoch, self.joined, self.lease_s = 0, False, 10
        self.held = collections.OrderedDict()  # leases that are not scored yet
        self.results = {}  # what the coordinator has not acknowledged, to be sent again after a reconnection
        self.lock = threading.Lock()
        self.outbox = queue.SimpleQueue()
        self.ending = None
        self.leaving_since = None
        self.wake_read, self.wake_write = os.pipe()
        self.socket = self.zmq.Context.instance().socket(self.zmq.DEALER)
        # The routing id tells the coordinator who this is, whatever connection it comes over.
        self.socket.setsockopt(self.zmq.ROUTING_ID, f"{name}#{self.incarnation:016x}".encode())
        self.socket.setsockopt(self.zmq.LINGER, 1000)
        self.socket.setsockopt(self.zmq.IMMEDIATE, 1)
        self.has_key, self.complaint = key is not None, None
        if key and address.startswith("tcp://"):
            key.show(self.zmq, self.socket)
        self.monitor = self.socket.get_monitor_socket(
            self.zmq.EVENT_HANDSHAKE_SUCCEEDED | self.zmq.EVENT_DISCONNECTED
            | self.zmq.EVENT_HANDSHAKE_FAILED_AUTH | self.zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | self.zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
        try:
            self.socket.connect(address)
        except self.zmq.ZMQError as error:
            raise Ending(2, f"--coordinator {address}: {error}; write tcp://HOST:PORT")

    # Called by the main thread.

    def begins(self, lease):
        with self.lock:
            return key(lease) in self.held

    def finished(self, lease, **outcome):
        self.outbox.put((lease, outcome))
        os.write(self.wake_write, b"x")

    def leave(self):
        self.outbox.put(None)
        os.write(self.wake_write, b"x")

    # On its own thread.

    def send(self, **body):
        self.socket.send(sealed(self.Envelope(protocol=PROTOCOL, epoch=self.epoch, **body).SerializeToString()))

    def hello(self):
        held = [dict(job=r.job, attempt=r.attempt, finished=True) for r in self.results.values()]
        held += [dict(job=lease.job, attempt=lease.attempt, finished=False) for lease in self.held.values()]
        self.epoch = 0
        self.send(hello=dict(
            role="scorer", name=self.name_, incarnation=self.incarnation, protocol_min=PROTOCOL,
            protocol_max=PROTOCOL, build="python", host=socket.gethostname(), pid=os.getpid(), threads=1,
            held_jobs=held, capabilities=dict(kinds=["score"], rewards=[self.reward])))

    def deliver(self, lease, outcome):
        with self.lock:
            if self.held.pop(key(lease), None) is None:
                return  # cancelled
        result = self.Envelope(result=dict(job=lease.job, attempt=lease.attempt, **outcome)).result
        self.results[key(lease)] = result
        if self.joined:
            self.send(result=result)

    def hand_back(self):
        for lease in list(self.held.values()):
            self.deliver(lease, dict(failure=dict(
                code="draining", message="the worker was asked to leave", retryable=True)))

    def check_reward(self, welcome):
        """A worker for a reward that the run does not have would wait for ever."""
        kinds = {reward.name: reward.kind for reward in welcome.scorer.rewards}
        if kinds.get(self.reward) == "worker":
            return
        there = ", ".join(f"{name} (kind {kind})" for name, kind in kinds.items()) or "none"
        raise Ending(
            CONFIGURATION,
            f"the run has no reward '{self.reward}' of kind worker; its rewards are: {there}; correct --reward, or add "
            f"{{kind: worker, name: {self.reward}}} to rewards in the run file")

    def handle(self, message):
        kind = message.WhichOneof("body")
        if kind == "welcome":
            self.epoch, self.lease_s = message.welcome.epoch, max(message.welcome.lease_ms, 100) / 1000
            first, self.joined = not self.joined, True
            self.check_reward(message.welcome)
            for result in self.results.values():
                self.send(result=result)
            self.send(credit=dict(slots=0 if self.leaving_since else SLOTS))
            if first:
                say(f"joined {message.welcome.run_id}")
        elif kind == "lease":
            for lease in (message.lease, *message.lease.more):
                with self.lock:
                    self.held[key(lease)] = lease
                self.scoring.inbox.put(lease)
            if self.leaving_since:
                self.hand_back()
        elif kind == "result_ack":
            for ack in (message.result_ack, *message.result_ack.more):
                self.results.pop(key(ack), None)
        elif kind == "cancel":
            with self.lock:
                self.held.pop(key(message.cancel), None)
        elif kind == "drain":
            self.scoring.inbox.put(None)  # behind the leases that are here
        elif kind == "refused" and message.refused.code not in ("epoch", "hello"):
            raise Ending(CONFIGURATION, f"the coordinator at {self.address} refuses this worker: "
                         f"{message.refused.message}")
        elif kind == "refused":
            self.hello()
        elif kind == "stop":
            raise Ending(message.stop.exit_code, f"the run ended: {message.stop.reason}")

    def keep_leases(self, now):
        began = self.scoring.since
        if began is not None and now - began > self.scoring.timeout + max(10, self.scoring.timeout):
            why = f"score has not come back for {now - began:.0f} s and cannot be interrupted; --timeout is " \
                f"{self.scoring.timeout:g} s"
            for lease in list(self.held.values()):
                self.deliver(lease, dict(failure=dict(code="hung", message=why, retryable=True)))
            raise Ending(1, why)
        with self.lock:
            jobs = [dict(job=lease.job, attempt=lease.attempt) for lease in self.held.values()]
        if jobs:
            self.send(renewal=dict(jobs=jobs))

    def run(self):
        try:
            self.serve()
        except Ending as ending:
            self.ending = ending
        except BaseException as error:
            self.ending = Ending(1, described(error))
        try:
            if self.joined:
                self.send(bye=dict(reason="stopped" if self.ending else "drained"))
        except self.zmq.ZMQError:
            pass
        self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close()
        self.zmq.Context.instance().term()
        if self.ending:
            say(self.ending)
            self.end_scoring()

    def end_scoring(self):
        """Ends the main thread, and the process where `score` does not come back."""
        self.scoring.inbox.put(None)
        if self.scoring.in_score:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
        last = threading.Timer(2, os._exit, [self.ending.code])
        last.daemon = True
        last.start()

    def complain(self, is_unknown):
        self.refused_at = time.monotonic()
        why = why_refused(is_unknown, self.has_key)
        if why != self.complaint:
            say(why)
        self.complaint = why

    def serve(self):
        poller = self.zmq.Poller()
        for source in (self.socket, self.monitor, self.wake_read):
            poller.register(source, self.zmq.POLLIN)
        heard, renewed, reported, has_joined = time.monotonic(), 0.0, 0.0, False
        while True:
            ready = dict(poller.poll(200))
            now = time.monotonic()
            if self.monitor in ready:
                event = self.zmq.utils.monitor.recv_monitor_message(self.monitor)["event"]
                self.joined = False
                if event == self.zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self.complaint = None
                    self.hello()
                elif event != self.zmq.EVENT_DISCONNECTED:
                    self.complain(event == self.zmq.EVENT_HANDSHAKE_FAILED_AUTH)
            # libzmq never tries again by itself after a refusal; the key may be allowed in a moment.
            if self.complaint and now > self.refused_at + 5:
                self.refused_at = now
                self.socket.disconnect(self.address)
                self.socket.connect(self.address)
            if self.wake_read in ready:
                os.read(self.wake_read, 4096)
            while not self.outbox.empty():
                sent = self.outbox.get()
                if sent is not None:
                    self.deliver(*sent)
                elif self.leaving_since is None:
                    self.leaving_since = now
                    if self.joined:
                        self.send(credit=dict(slots=0))
                    self.hand_back()
            while self.socket.poll(0):
                frames = self.socket.recv_multipart()
                # One that arrived damaged counts as lost.
                if intact(frames):
                    self.handle(self.Envelope.FromString(frames[0]))
            if self.leaving_since is not None:
                if not self.joined or not self.results or now > self.leaving_since + self.ENDS:
                    return
            if self.joined:
                heard, has_joined = now, True
                if now > renewed + self.lease_s / 4:
                    self.keep_leases(now)
                    renewed = now
                if now > reported + 1:
                    busy = "busy" if self.held else "idle"
                    self.send(report=dict(state="draining" if self.leaving_since else busy))
                    reported = now
            elif now > heard + self.patience:
                what = "the run does not answer any more" if has_joined else "no coordinator answers"
                raise Ending(
                    TRY_AGAIN,
                    f"{what}: nothing came from {self.address} for {self.patience:g} s (--wait); start the run with "
                    "skein run FILE and call this command again")


CHECKSUM = b"\x2d"  # the field `checksum` of an envelope, which stands at its very end


def sealed(envelope):
    return envelope + CHECKSUM + zlib.crc32(envelope).to_bytes(4, "little")


def intact(frames):
    """Whether envelope and raw frames have the checksum that the envelope ends with."""
    envelope, end = frames[0][:-5], frames[0][-5:]
    checksum = zlib.crc32(envelope)
    for frame in frames[1:]:
        checksum = zlib.crc32(frame, checksum)
    return end[:1] == CHECKSUM and end[1:] == checksum.to_bytes(4, "little")


def key(message):
    return str(message.job), message.attempt


def is_alive(pid):
    """Whether the process is there and no other program has got its number since."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state != "Z" and b"coordinator" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, IndexError):
        return not os.path.isdir("/proc/self")


def find(directory, patience):
    """What coordinator.json says of the run that is alive in a directory; waits for one that is being started."""
    file = directory / "coordinator.json"
    end, said = time.monotonic() + patience, False
    while True:
        try:
            content = json.loads(file.read_text())
            if is_alive(int(content["pid"])):
                content["endpoint"]
                return content
            why = f"{file} is left over from a run whose coordinator (process {content['pid']}) is gone"
        except OSError:
            why = f"no run is alive in {directory}" if directory.is_dir() else f"there is no directory {directory}"
        except (ValueError, KeyError, TypeError):
            why = f"{file} is no file of Skein's coordinator"
        if time.monotonic() > end:
            raise Ending(
                TRY_AGAIN, f"{why}; waited {patience:g} s (--wait); start the run with skein run FILE, and name its "
                "run_directory with --run")
        if not said:
            say(f"{why}; waiting up to {patience:g} s for one")
            said = True
        time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(
        prog="reward_worker", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=pathlib.Path, help="run directory of a run on this machine")
    parser.add_argument("--coordinator", help="tcp://HOST:PORT of the coordinator")
    parser.add_argument("--reward", required=True, help="name of the reward in the run file")
    parser.add_argument(
        "--file", help="Python file that defines score(prompt, response), or score(prompt, response, extra)")
    parser.add_argument("--name", help="name of this process in the status (default: that of its key, or a number)")
    parser.add_argument(
        "--key", metavar="FILE",
        help="file of this worker's key, role scorer (default: SKEIN_KEY_FILE, SKEIN_KEY, or the one of --run)")
    parser.add_argument(
        "--wait", type=float, default=60, metavar="SECONDS",
        help="give up when no run answers for so long (default: %(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=60, metavar="SECONDS",
        help="an answer whose score takes longer has none (default: %(default)s)")
    options = parser.parse_args()
    if options.coordinator is None and options.run is None:
        parser.error("give --run or --coordinator")
    if not (options.wait >= 0 and 0 < options.timeout < 1e8):
        parser.error("--wait and --timeout are seconds, --timeout more than 0")
    if options.name is not None and (not options.name or "#" in options.name):
        parser.error("--name must not be empty and must not contain #")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))  # nothing is leased yet
    # Whoever started this process may have blocked them.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGALRM})
    try:
        modules = needed_packages()
        score = load(options.file) if options.file else brevity
        scoring = Scoring(options.reward, score, options.file, options.timeout)
        content = {} if options.coordinator else find(options.run, options.wait)
        address = options.coordinator or content["endpoint"]
        key = find_key(options.key, content.get("keys"), options.name)
        name = options.name or (key and key.name) or f"python-{os.getpid()}"
        link = Link(modules, address, name, options.reward, scoring, options.wait, key)
    except Ending as ending:
        say(ending)
        sys.exit(ending.code)
    scoring.link = link
    link.start()
    scoring.run()
    link.join()
    sys.exit(link.ending.code if link.ending else 0)


main()
