"""People label in headless Chromium against a real server that is killed between votes.

    labelling.py SKEIN FOLDER [SEED] [SCREENSHOTS]

Prints what it saw, and fails when a vote is lost, doubled or another one than the person gave.
"""

import collections
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

import chromium

SKEIN, FOLDER = sys.argv[1:3]
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 32)
SHOTS = sys.argv[4] if len(sys.argv) > 4 else None
PAIRS, VOTES = 56, 50
HOSTILE = [
    "<script>window.hacked = 1</script>", "<img src=x onerror='window.hacked = 2'>", "[x](javascript:window.hacked=3)",
    "![x](http://127.0.0.1:1/spy.png)", "<svg onload=window.hacked=4>", "<a href='javascript:window.hacked=5'>x</a>",
]
VERDICTS = {"1": ("left", 3), "2": ("left", 2), "3": ("left", 1), "4": ("tie", None), "5": ("right", 1),
            "6": ("right", 2), "7": ("right", 3), "0": ("both_bad", None)}
dice = random.Random(SEED)


def check(condition, *said):
    if not condition:
        raise AssertionError(" ".join(map(str, said)) + f" (seed {SEED})")


class Server:
    def __init__(self, store, *words):
        self.store = f"{FOLDER}/{store}"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = open(f"{self.store}.log", "a")
        self.start(*words)

    def start(self, *words):
        self.process = subprocess.Popen(
            [SKEIN, "feedback", "serve", "--store", self.store, "--listen", f"127.0.0.1:{self.port}", *words],
            stderr=self.log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            check(self.process.poll() is None, open(self.log.name).read())
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.01)
        check(False, "the server does not listen")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def again(self, *words):
        self.kill()
        self.start(*words)

    def skein(self, *words):
        done = subprocess.run([SKEIN, "feedback", words[0], *words[1:], "--store", self.store], capture_output=True, text=True)
        check(done.returncode == 0, words, done.stderr)
        return done.stdout.strip()

    def rows(self):
        return [json.loads(line) for line in self.skein("export").splitlines()]


class Person:
    def __init__(self, browser, server, name, *flags, **screen):
        self.page = browser.person(**screen)
        self.server = server
        self.name = name
        self.given = {}
        self.skipped_at = 0
        link = server.skein("invite", name, *flags)
        self.page.open(link)
        self.page.wait("document.querySelector('#agree') !== null")
        check("#link" not in self.page.evaluate("location.href"), "the secret stays in the address")
        check("skein_feedback" not in self.page.evaluate("document.cookie"), "scripts can read the cookie")
        self.page.click("#agree")
        self.wait_for_task()

    def lease(self):
        return self.page.evaluate("document.querySelector('#main').dataset.lease ?? null")

    def wait_for_task(self, other_than=None):
        return self.page.wait(
            f"(document.querySelector('#main').dataset.lease ?? null) !== {json.dumps(other_than)}"
            " && document.querySelector('#main').getAttribute('aria-busy') === null"
            " && document.querySelector('#heading') !== null")

    def prompt(self):
        return self.page.evaluate("document.querySelector('.prompt .plain').textContent")

    def left(self):
        """The text on the left as it is written."""
        self.page.key("m")
        text = self.page.evaluate("document.querySelector('.card .plain').textContent")
        self.page.key("m")
        return text

    def flagged(self):
        """Whether the answer on the left has its second flag."""
        return self.page.evaluate(
            "document.querySelectorAll('[data-flags=\"0\"] .chip')[1].getAttribute('aria-pressed')") == "true"

    def vote(self, kill):
        """One decision by keyboard. `kill` is when the server dies: before, at once after, or never."""
        lease, prompt, left = self.lease(), self.prompt(), self.left()
        wants_reason = self.page.evaluate("document.querySelector('#reason') !== null")
        had_reason = self.page.evaluate("document.querySelector('#reason')?.value ?? ''") != ""
        flag = self.flagged()
        if dice.random() < 0.2:
            for key in ("f", "2", "Escape"):
                self.page.key(key)
            flag = not flag
        check(self.flagged() == flag, "a flag was not set")
        key = dice.choice("12345670")
        if kill == "before":
            self.server.kill()
        self.page.key(key)
        if wants_reason:
            if not had_reason:
                self.page.wait("document.activeElement.id === 'reason'")
                self.page.type("because")
            self.page.key("Enter", control=True)
        if kill == "after":
            time.sleep(dice.random() * 0.004)
            self.server.kill()
        if kill != "never":
            self.server.start()
        self.wait_for_task(other_than=lease)
        verdict, strength = VERDICTS[key]
        self.given[prompt] = dict(left=left, verdict=verdict, strength=strength, flags=["fails_task"] if flag else [],
                                  reason="because" if wants_reason else "")

    def skip(self):
        lease, prompt = self.lease(), self.prompt()
        self.page.key("s")
        self.wait_for_task(other_than=lease)
        self.given[prompt] = dict(verdict="skip")

    def undo(self):
        lease = self.lease()
        self.page.key("u")
        self.wait_for_task(other_than=lease)
        del self.given[self.prompt()]

    def votes(self):
        return sum(each["verdict"] != "skip" for each in self.given.values())


def tasks():
    with open(f"{FOLDER}/tasks.jsonl", "w") as file:
        for number in range(PAIRS):
            bad = HOSTILE[number % len(HOSTILE)]
            answers = [{"source": "policy", "text": f"Answer one to {number}. {bad}"},
                       {"source": "start", "text": f"Answer **two** to {number}.\n\n* a list\n* {bad}"}]
            file.write(json.dumps({"prompt": f"Question {number}? {bad}", "answers": answers}) + "\n")


def shot(person, name):
    if SHOTS:
        person.page.screenshot(f"{SHOTS}/{name}.png")


def audit(person, name):
    """What axe-core finds, where it is installed."""
    try:
        import axe_core_python
    except ImportError:
        return print(f"{name}: no accessibility checker is installed")
    with open(os.path.join(os.path.dirname(axe_core_python.__file__), "axe.min.js")) as file:
        person.page.evaluate(file.read() + ";0")
    found = person.page.evaluate(
        "axe.run().then((r) => r.violations.map((v) => [v.impact, v.id, v.nodes.map((n) => n.html.slice(0, 200))]))")
    check(not [each for each in found if each[0] in ("serious", "critical")], name, found)
    print(f"{name}: axe-core finds {len(found)} faults")


def pairs(browser):
    tasks()
    browser.events.clear()
    server = Server("pairs.sqlite", "--tasks", f"{FOLDER}/tasks.jsonl", "--overlap", "2", "--reasons", "0.1", "--lease", "10")
    # One who takes a task and goes away, in the middle of it.
    gone = Person(browser, server, "Dropout")
    held = gone.prompt()
    gone.page.key("f")
    gone.page.key("1")
    browser.call("Target.disposeBrowserContext", {"browserContextId": gone.page.context})
    time.sleep(10.5)
    server.again("--lease", "600")
    people = [Person(browser, server, "Ann"), Person(browser, server, "Ben", width=390, height=844, mobile=True)]
    kills = reloads = 0
    while any(person.votes() < VOTES for person in people):
        for person in people:
            if person.votes() >= VOTES:
                continue
            kill = dice.choice(["before", "after", "after", "never"])
            person.vote(kill)
            kills += kill != "never"
            if person.votes() == 7:
                person.undo()
                person.vote("never")
            if person.votes() in (11, 23) and person.votes() != person.skipped_at:
                person.skipped_at = person.votes()
                person.skip()
            if dice.random() < 0.1:
                before = (person.lease(), person.prompt(), person.left())
                person.page.key("g")
                person.page.key("1")
                person.page.key("Escape")
                person.page.reload()
                person.page.wait("(document.querySelector('#main').dataset.lease ?? null) !== null")
                check((person.lease(), person.prompt(), person.left()) == before, "a reload showed another task")
                pressed = person.page.evaluate("document.querySelectorAll('.card')[1].querySelector('.chip').getAttribute('aria-pressed')")
                check(pressed == "true", "a reload lost a flag")
                person.page.key("u")
                reloads += 1
    for person in people:
        check(person.page.evaluate("window.hacked") is None, "a script in a text ran")
        check(person.page.evaluate("document.querySelectorAll('main img, main script, main svg').length") == 0)
        complaints = [each for each in person.page.complaints() if "ERR_CONNECTION_REFUSED" not in each
                      and "ERR_EMPTY_RESPONSE" not in each and "ERR_CONNECTION_RESET" not in each
                      and "ERR_INCOMPLETE" not in each and "ERR_SOCKET" not in each]
        check(not complaints, complaints)
    # Pages of the parts before still ask their own servers.
    sessions = {person.page.session for person in people}
    foreign = [event["params"]["request"]["url"] for event in browser.events
               if event.get("method") == "Network.requestWillBeSent" and event.get("sessionId") in sessions
               and not event["params"]["request"]["url"].startswith(f"http://127.0.0.1:{server.port}/")]
    check(not foreign, "the page asked elsewhere:", foreign)
    audit(people[0], "pair")
    shot(people[0], "pair-desktop")
    shot(people[1], "pair-phone")

    compare(server, people, held)
    revoked(server, people)
    print(f"pairs: {VOTES} votes each, {kills} kills, {reloads} reloads, seed {SEED}")
    server.kill()


def compare(server, people, held):
    """The export against what each person pressed."""
    rows = server.rows()
    status = json.loads(server.skein("status", "--json"))
    names = {each["name"]: each["pseudonym"] for each in status["people"]}
    check(all(name not in json.dumps(rows) for name in names), "a name left the store")
    found = collections.defaultdict(dict)
    for row in rows:
        check(row["prompt"] not in found[row["annotator"]], "doubled:", row)
        found[row["annotator"]][row["prompt"]] = row
    for person in people:
        mine = found.pop(names[person.name])
        check(mine.keys() == person.given.keys(), person.name, mine.keys() ^ person.given.keys())
        for prompt, given in person.given.items():
            row = mine[prompt]
            check(row["verdict"] == given["verdict"] and row["seconds"] >= 0, row, given)
            if given["verdict"] != "skip":
                check(row["left"]["text"] == given["left"] and row.get("strength") == given["strength"], row, given)
                check(row["flags"]["left"] == given["flags"] and row["reason"] == given["reason"], row, given)
    check(not found, "somebody else voted:", found)
    each_task = collections.Counter(row["task"] for row in rows if row["verdict"] != "skip")
    check(max(each_task.values()) <= 2, "more people than wanted:", each_task)
    check(status["votes"] == sum(each_task.values()) == 2 * VOTES, status)
    check(status["expired_leases"] >= 1, "the dropout's lease did not run out")
    check(any(row["prompt"] == held for row in rows) or status["votes"] < 2 * PAIRS)


def revoked(server, people):
    before = len(server.rows())
    server.skein("revoke", "Ann")
    people[0].page.key("s")
    people[0].page.wait("document.body.innerText.includes('Open your personal link')")
    check(len(server.rows()) == before, "a vote came without a valid link")
    page = people[0].page
    page.evaluate("location.hash = 'link=" + "0" * 64 + "'")
    page.wait("document.body.innerText.includes('not valid')")
    status = page.evaluate("fetch('/api/acts', {method: 'POST', body: '{\"lease\":1}'}).then((r) => r.status)")
    check(status == 401, status)


def ranking(browser):
    with open(f"{FOLDER}/ranking.jsonl", "w") as file:
        answers = [{"source": f"model {letter}", "text": f"Text {letter}"} for letter in "abcd"]
        file.write(json.dumps({"prompt": "Rank these.", "answers": answers, "mode": "ranking"}) + "\n")
    server = Server("ranking.sqlite", "--tasks", f"{FOLDER}/ranking.jsonl")
    person = Person(browser, server, "Ann")
    shown = person.page.evaluate("[...document.querySelectorAll('.card .text')].map((e) => e.textContent)")
    audit(person, "ranking")
    for key in ("3", "1", "=", "4", "2"):
        person.page.key(key)
    shot(person, "ranking-desktop")
    person.page.key("Enter")
    person.page.wait("document.body.innerText.includes('All done')")
    row, = server.rows()
    texts = {answer["id"]: answer["text"] for answer in row["answers"]}
    order = [[texts[each] for each in group] for group in row["ranking"]]
    check(order == [[shown[2]], [shown[0], shown[3]], [shown[1]]], order, shown)
    check([answer["text"] for answer in row["answers"]] == shown, "the order shown was not kept")
    print("ranking: read back as given")
    server.kill()


def writing(browser):
    """An expert corrects an answer on a phone, by touch; a second person reviews it."""
    with open(f"{FOLDER}/writing.jsonl", "w") as file:
        answers = [{"source": "policy", "text": "Paris is in Spain."}, {"source": "start", "text": "No idea."}]
        file.write(json.dumps({"prompt": "Where is Paris?", "answers": answers, "mode": "writing"}) + "\n")
        file.write(json.dumps({"prompt": "Rate it.", "answers": answers[:1], "mode": "rating"}) + "\n")
    server = Server("writing.sqlite", "--tasks", f"{FOLDER}/writing.jsonl", "--criteria", "true,kind")
    author = Person(browser, server, "Ann", width=390, height=844, mobile=True)
    reviewer = None
    for _ in range(2):
        lease = author.lease()
        if author.prompt() == "Rate it.":
            for criterion in ("true", "kind"):
                author.page.click(f"label[for='0-{criterion}-2']")
            audit(author, "rating on a phone")
            shot(author, "rating-phone")
        else:
            texts = author.page.evaluate("[...document.querySelectorAll('.card .text')].map((e) => e.textContent)")
            author.page.click(f".card:nth-child({1 + texts.index('Paris is in Spain.')}) .rank")
            author.page.evaluate("document.querySelector('#text').select()")
            author.page.type("Paris is in France.")
            audit(author, "writing on a phone")
            shot(author, "writing-phone")
        author.page.click(".primary")
        author.wait_for_task(other_than=lease)
    reviewer = Person(browser, server, "Bea", "--lead", dark=True)
    audit(reviewer, "review")
    shot(reviewer, "review-dark")
    reviewer.page.key("a")
    reviewer.page.wait("document.body.innerText.includes('All done')")
    reviewer.page.evaluate("[...document.querySelectorAll('#menu button')].find((b) => b.textContent === 'Overview').click()")
    reviewer.page.wait("document.querySelector('.lead table') !== null")
    audit(reviewer, "overview")
    shot(reviewer, "overview-dark")
    rows = {row["kind"]: row for row in server.rows()}
    check(rows["demonstration"]["completion"] == "Paris is in France.", rows)
    check(rows["demonstration"]["review"] == "approved", rows)
    check(list(rows["rating"]["ratings"].values()) == [{"true": 2, "kind": 2}], rows)
    order = [group[0] for group in rows["ranking"]["ranking"]]
    texts = {answer["id"]: answer["text"] for answer in rows["ranking"]["answers"]}
    check([texts[each] for each in order] == ["Paris is in France.", "Paris is in Spain.", "No idea."], rows)
    erased = server.skein("erase", "Ann")
    check("standard output" in erased and not server.rows(), erased)
    print("writing, rating, review and erasure: as given")
    server.kill()


def main():
    browser = chromium.Browser()
    try:
        for part in (ranking, writing, pairs):
            part(browser)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
