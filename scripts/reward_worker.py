#!/usr/bin/env python3
"""A reward worker that is not part of Skein: joins a run over ZeroMQ and scores answers with a Python function.

    scripts/reward_worker.py --run runs/mine --reward taste --file taste.py

Needs pyzmq and protobuf (`scripts/setup --python` has both); skein_pb2.py beside it is made from proto/. The run file
names the reward: `rewards: [{kind: worker, name: taste}]`. FILE defines `score(prompt, response) -> float`; without it
an answer is worth -|words - 20| / 20. Any number can join and leave.

Further parameters of `score` are filled by their names: `extra` is a dict of the columns of the prompt's line beside the
prompt, `messages` its turns (None for a plain prompt), any other name the column that is called so (None where the line
has none), and `**columns` takes all columns that have no parameter of their own.
"""
import argparse
import importlib.util
import inspect
import json
import os
import pathlib
import secrets
import signal
import socket
import sys
import time

import zmq
import zmq.utils.monitor

from skein_pb2 import Envelope

PROTOCOL, SLOTS = 3, 2


def brevity(prompt, response):
    return -abs(len(response.split()) - 20) / 20


def load(path):
    spec = importlib.util.spec_from_file_location("reward", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.score


def by_name(score):
    """score(prompt, response, extra, messages), whatever parameters the function has."""
    named, takes_all = [], False
    try:
        parameters = inspect.signature(score).parameters.values()
    except ValueError:  # some functions written in C say nothing of theirs
        parameters = []
    for parameter in parameters:
        if parameter.kind == inspect.Parameter.VAR_KEYWORD:
            takes_all = True
        elif parameter.kind != inspect.Parameter.VAR_POSITIONAL:
            named.append(parameter)
    further = named[2:]

    def call(prompt, response, extra, messages):
        values = {**extra, "extra": extra, "messages": messages}
        arguments = {p.name: values.get(p.name, None if p.default is p.empty else p.default) for p in further}
        if takes_all:
            taken = {p.name for p in named}
            arguments.update({key: value for key, value in extra.items() if key not in taken})
        return score(prompt, response, **arguments)

    return call


class Worker:
    def __init__(self, address, name, reward, score):
        self.name, self.reward, self.score = name, reward, by_name(score)
        self.incarnation = secrets.randbits(64)
        self.epoch, self.joined, self.draining = 0, False, False
        self.results = {}  # what the coordinator has not acknowledged, to be sent again after a reconnection
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        # The routing id tells the coordinator who this is, whatever connection it comes over.
        self.socket.setsockopt(zmq.ROUTING_ID, f"{name}#{self.incarnation:016x}".encode())
        self.socket.setsockopt(zmq.LINGER, 1000)
        self.socket.setsockopt(zmq.IMMEDIATE, 1)
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self.socket.connect(address)

    def send(self, **body):
        self.socket.send(Envelope(protocol=PROTOCOL, epoch=self.epoch, **body).SerializeToString())

    def hello(self):
        held = [dict(job=r.job, attempt=r.attempt, finished=True) for r in self.results.values()]
        self.epoch = 0
        self.send(hello=dict(
            role="scorer", name=self.name, incarnation=self.incarnation, protocol_min=PROTOCOL, protocol_max=PROTOCOL,
            build="python", host=socket.gethostname(), pid=os.getpid(), threads=1, held_jobs=held,
            capabilities=dict(kinds=["score"], rewards=[self.reward])))

    def work(self, lease):
        items = lease.score.trajectories.items
        rows = {data.row: data for data in lease.score.rows}
        values, failed = [], []
        for index, item in enumerate(items):
            try:
                data = rows.get(item.row)
                # Parsed for each answer, so that a function may change what it gets.
                extra = json.loads(data.extra) if data and data.extra else {}
                messages = json.loads(data.conversation)["messages"] if data and data.conversation else None
                values.append(float(self.score(item.prompt_text, item.response_text, extra, messages)))
            except Exception as error:  # one bad answer must not lose the others
                print(f"reward_worker: row {item.row}: {error}", file=sys.stderr)
                values.append(0.0)
                failed.append(index)
        reward = dict(name=self.reward, values=values, failed=failed)
        result = Envelope(result=dict(job=lease.job, attempt=lease.attempt, scores=dict(rewards=[reward]))).result
        self.results[(str(lease.job), lease.attempt)] = result
        self.send(result=result)

    def handle(self, message):
        """Returns True when it is time to leave."""
        kind = message.WhichOneof("body")
        if kind == "welcome":
            self.epoch, self.joined = message.welcome.epoch, True
            for result in self.results.values():
                self.send(result=result)
            self.send(credit=dict(slots=0 if self.draining else SLOTS))
            print(f"reward_worker: joined {message.welcome.run_id}", file=sys.stderr)
        elif kind == "lease":
            for lease in (message.lease, *message.lease.more):
                self.work(lease)
        elif kind == "result_ack":
            for ack in (message.result_ack, *message.result_ack.more):
                self.results.pop((str(ack.job), ack.attempt), None)
        elif kind == "drain":
            self.draining = True
        elif kind == "refused" and message.refused.code not in ("epoch", "hello"):
            sys.exit(f"reward_worker: refused: {message.refused.message}")
        elif kind == "refused":
            self.hello()
        return kind == "stop" or (self.draining and not self.results)

    def run(self):
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        poller.register(self.monitor, zmq.POLLIN)
        reported, leaving = 0.0, False
        while not leaving:
            ready = dict(poller.poll(200))
            if self.monitor in ready:
                event = zmq.utils.monitor.recv_monitor_message(self.monitor)["event"]
                self.joined = False
                if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self.hello()
            while not leaving and self.socket.poll(0):
                leaving = self.handle(Envelope.FromString(self.socket.recv_multipart()[0]))
            if self.joined and time.monotonic() > reported + 1:
                self.send(report=dict(state="draining" if self.draining else "idle"))
                reported = time.monotonic()
            leaving = leaving or (self.draining and not self.results)
        self.send(bye=dict(reason="drained" if self.draining else "stopped"))
        self.socket.disable_monitor()
        self.monitor.close()
        self.socket.close()
        zmq.Context.instance().term()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=pathlib.Path, help="run directory of a run on this machine")
    parser.add_argument("--coordinator", help="tcp://HOST:PORT of the coordinator")
    parser.add_argument("--reward", required=True, help="name of the reward in the run file")
    parser.add_argument("--file", help="Python file that defines score(prompt, response), or score(prompt, response, extra)")
    parser.add_argument("--name", default=f"python-{os.getpid()}")
    options = parser.parse_args()
    address = options.coordinator
    if address is None:
        if options.run is None:
            parser.error("give --run or --coordinator")
        address = json.loads((options.run / "coordinator.json").read_text())["endpoint"]
    worker = Worker(address, options.name, options.reward, load(options.file) if options.file else brevity)
    signal.signal(signal.SIGTERM, lambda *_: setattr(worker, "draining", True))
    worker.run()


main()
