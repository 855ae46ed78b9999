#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Mail at a steady rate while the configuration changes again and again, and what each session was owed.

commit_mail.py first DIR TEMPLATE CONFIG         writes the rules and the configuration of generation 0
commit_mail.py run DIR ADDRESS TEMPLATE SECONDS RATE CTL...   commits and sends; writes DIR/asked
commit_mail.py judge DIR TAKEN EVENTS            one `ok`/`NO` line a check

Generation N of the configuration differs from the one before in its policy's name (gN) and by turns in a
limit of its session profile and in its rules. A client finds out both: it names recipients until one is
refused, and its message has a word that one of two sets of rules condemns. A generation may be in force from
when its commit begins until the next one's is answered: what a session shows has to be that of a
generation in force while it was opened (policy, profile) or while MAIL was said (rules).
"""
import asyncio
import collections
import json
import pathlib
import sys
import time

import many_sessions

WORDS = ("alpha-is-condemned", "omega-is-condemned")
COMMIT_S = 0.7  # from one commit to the next
LONG = 10       # each so many sessions stays open over commits
FAULTY = (
    ("an unknown key", "pickup: {", "pickup: {sorts: [25], "),
    ("a profile that is not there", "session: internal,", "session: external,"),
    ("a pattern that does not compile", ".rules}", ".broken}"),
)


def limit_of(generation):
    """Recipients of a message."""
    return 2 + (generation + 1) // 2 % 4


def condemned_by(generation):
    """Which of the words."""
    return generation // 2 % 2


def config_of(template, generation):
    """The text of a generation."""
    for name, value in (("GENERATION", generation), ("LIMIT", limit_of(generation)), ("SET", condemned_by(generation))):
        template = template.replace(f"@{name}@", str(value))
    return template


def first(folder, template, config):
    """What is in force at the start."""
    for number, word in enumerate(WORDS):
        (folder / f"{number}.rules").write_text(f"1 body 100 l {word}\n", encoding="ascii")
        (folder / f"{number}.broken").write_text("1 body 100 - (\n", encoding="ascii")
    pathlib.Path(config).write_text(config_of(template, 0), encoding="utf-8")


# --- commits and sessions ------------------------------------------------------------------------

class Run:
    """One run: generations by the time of their commits, and what the sessions saw."""

    def __init__(self, folder, address, template, ctl):
        self.folder, self.address, self.template, self.ctl = folder, address, template, ctl
        self.began, self.done = [0.0], [0.0]
        self.answered = asyncio.Condition()
        self.rows, self.complaints, self.failed = [], [], 0

    async def commit(self, text):
        """Exit status and words of `mailweirctl config commit`."""
        path = self.folder / "commit.yaml"
        path.write_text(text, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *self.ctl, "config", "commit", str(path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        said, _ = await process.communicate()
        return process.returncode, said.decode(errors="replace").strip()

    async def change(self):
        """The next generation."""
        text = config_of(self.template, len(self.began))
        self.began.append(time.time())
        status, said = await self.commit(text)
        if status != 0:
            self.complaints.append(f"commit {len(self.began) - 1}: {said}")
        async with self.answered:
            self.done.append(time.time())
            self.answered.notify_all()

    async def fail(self):
        """One that changes nothing."""
        what, old, new = FAULTY[self.failed % len(FAULTY)]
        status, said = await self.commit(config_of(self.template, len(self.began)).replace(old, new))
        self.failed += 1
        if status == 0:
            self.complaints.append(f"{what} was taken: {said}")

    async def changes(self):
        """Until it is cancelled."""
        while True:
            due = time.monotonic() + COMMIT_S
            await self.change()
            if len(self.began) % 3 == 0:
                await self.fail()
            await asyncio.sleep(due - time.monotonic())

    async def mail(self, reader, writer, row, word):
        """One message, appended to the row."""
        ident = f"m{row['number']}-{len(row['mails'])}"
        mail = {"ident": ident, "word": word, "recipients": 0, "told": "lost", "from": time.time()}
        row["mails"].append(mail)

        async def says(line):
            writer.write(line)
            return await many_sessions.reply(reader, many_sessions.REPLY_S)

        if await says(f"MAIL FROM:<{ident}@example.com>\r\n".encode()) != "250":
            return False
        mail["to"] = time.time()
        while True:
            code = await says(b"RCPT TO:<inbox@example.net>\r\n")
            if code != "250":
                break
            mail["recipients"] += 1
        if code != "452" or await says(b"DATA\r\n") != "354":
            return False
        text = f"X-Case: {ident}\r\n\r\nA letter.\r\n{WORDS[word] if word is not None else ''}\r\n".encode()
        mail["digest"] = many_sessions.digest(text)
        mail["told"] = await says(text + b".\r\n") or "lost"
        return mail["told"] == "250"

    async def dialogue(self, reader, writer, row):
        """A session, from the greeting on."""
        if await many_sessions.reply(reader, many_sessions.REPLY_S) != "220":
            return
        row["to"] = time.time()
        writer.write(b"EHLO client.example.com\r\n")
        if await many_sessions.reply(reader, many_sessions.REPLY_S) != "250":
            return
        if row["number"] % LONG == 0:
            if not await self.mail(reader, writer, row, None):
                return
            async with self.answered:
                later = len(self.done) + 1 + row["number"] // LONG % 2
                await self.answered.wait_for(lambda: len(self.done) >= later)
        if await self.mail(reader, writer, row, row["number"] % 2):
            writer.write(b"QUIT\r\n")
            await many_sessions.reply(reader, many_sessions.REPLY_S)

    async def session(self, number):
        """One connection."""
        row = {"number": number, "from": time.time(), "mails": []}
        self.rows.append(row)
        try:
            reader, writer = await asyncio.open_connection(self.address, 25)
            await self.dialogue(reader, writer, row)
            writer.close()
        except OSError as error:
            row["error"] = str(error)

    async def run(self, seconds, rate):
        """Sessions by the clock, however long each takes; commits until the last of them has ended."""
        changing = asyncio.create_task(self.changes())
        begin, sessions = time.monotonic(), []
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0, begin + number / rate - time.monotonic()))
            sessions.append(asyncio.create_task(self.session(number)))
        await asyncio.gather(*sessions)
        took = time.monotonic() - begin
        changing.cancel()
        try:
            await changing
        except asyncio.CancelledError:
            pass
        mails = sum(len(row["mails"]) for row in self.rows)
        print(f"{len(self.rows)} sessions with {mails} messages in {took:.1f} s, {len(self.done) - 1} commits, {self.failed} that failed")
        with open(self.folder / "asked", "w", encoding="ascii") as out:
            json.dump({"began": self.began, "done": self.done, "rows": self.rows, "complaints": self.complaints}, out)


# --- the judgement -------------------------------------------------------------------------------

def in_force(sent, begin, end):
    """The generations that may have been in force at a time between the two."""
    done = sent["done"] + [float("inf")] * 2
    return [g for g, began in enumerate(sent["began"]) if began <= end and done[g + 1] >= begin]


def judge_mail(bad, sent, taken, told, row, mail):
    """One message against the generations that it may have met."""
    bound = in_force(sent, row["from"], row["to"])
    rules = in_force(sent, mail["from"], mail["to"])
    seen, policy = taken.pop(mail["ident"], []), told.get(f"{mail['ident']}@example.com")
    if mail["recipients"] not in {limit_of(g) for g in bound}:
        bad["the limit is that of the profile it began with"].append(f"{mail['ident']}:{mail['recipients']}")
    if policy not in {f"g{g}" for g in bound}:
        bad["its record names the policy that it began with"].append(f"{mail['ident']}:{policy}")
    codes = {"550" if condemned_by(g) == mail["word"] else "250" for g in rules}
    if mail["told"] not in codes:
        bad["the rules are those in force at MAIL"].append(f"{mail['ident']}:{mail['told']}")
    if seen != ([mail["digest"]] if mail["told"] == "250" else []):
        bad["who was told 250 is served once and intact, nobody else"].append(mail["ident"])
    return not set(bound) & set(rules), len(bound) == len(rules) == 1


def policies_told(path):
    """{sender: policy} of the messages in the event log."""
    told = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            event = json.loads(line)
            if event["type"] == "message":
                told[event["from"]] = event["policy"]
    return told


def judge(folder, taken_path, events_path):
    """All sessions."""
    sent = json.loads((folder / "asked").read_text(encoding="ascii"))
    taken = json.loads(pathlib.Path(taken_path).read_text(encoding="ascii"))
    told = policies_told(events_path)
    bad = {
        "no session is lost": [],
        "the limit is that of the profile it began with": [],
        "the rules are those in force at MAIL": [],
        "who was told 250 is served once and intact, nobody else": [],
        "its record names the policy that it began with": [],
        "commits are taken or refused as they should be": sent["complaints"],
    }
    across = sure = mails = 0
    for row in sent["rows"]:
        if not row["mails"] or any(mail["told"] not in ("250", "550") for mail in row["mails"]):
            bad["no session is lost"].append(f"{row['number']}:{row.get('error', row['mails'][-1:])}")
            continue
        for mail in row["mails"]:
            beyond, certain = judge_mail(bad, sent, taken, told, row, mail)
            across, sure, mails = across + beyond, sure + certain, mails + 1
    if across < len(sent["rows"]) // LONG // 2:
        bad["sessions stayed open over commits"] = [f"only {across}"]
    for what, which in bad.items():
        print("NO" if which else "ok", what, f"({len(which)})" if which else "", " ".join(which[:6]))
    print("NO" if taken else "ok", "nothing was taken that nobody sent", " ".join(list(taken)[:6]))
    codes = collections.Counter(mail["told"] for row in sent["rows"] for mail in row["mails"])
    print(f"{mails} messages, told {dict(codes)}; {sure} met one generation only, {across} rules of a later one than their profile's")
    return 1 if taken or any(bad.values()) else 0


def main():
    """Command line."""
    job, rest = sys.argv[1], sys.argv[2:]
    folder = pathlib.Path(rest[0])
    if job == "first":
        first(folder, pathlib.Path(rest[1]).read_text(encoding="utf-8"), rest[2])
        return 0
    if job == "run":
        run = Run(folder, rest[1], pathlib.Path(rest[2]).read_text(encoding="utf-8"), rest[5:])
        asyncio.run(run.run(float(rest[3]), float(rest[4])))
        return 0
    return judge(folder, rest[1], rest[2])


if __name__ == "__main__":
    sys.exit(main())
