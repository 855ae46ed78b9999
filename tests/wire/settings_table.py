# SPDX-License-Identifier: BSD-3-Clause
"""The tables behind session_settings_test.sh: what each key of profiles, policies and access rules does, and
which test has the other keys of the schema both ways.

A row is one key, a value that switches it on, one that switches it off, and a small dialogue that is held
once under each. `told` is what the client then hears: reply codes in order, `+3s` behind one that took
three seconds, and how the connection ended. A key of the schema without a row, here or in ELSEWHERE, fails the test.
"""
from dataclasses import dataclass, field

EHLO = "EHLO client.example.com"
MAIL = "MAIL FROM:<a@example.com>"
RCPT = "RCPT TO:<b@example.net>"
BAD = "RCPT TO:<bad@example.net>"  # the server knows nobody of that name
AUTH = "AUTH PLAIN AGEAYg=="
SPAM = "this body text is condemned by the test rules"  # 100 points in test.rules
GROUPED = "a text of one group"  # 100 points in the group "one"
LISTED = "listed"  # a file beside the configuration, with a@example.com and b@example.net
HELLO = "Subject: hello\r\n\r\n"


@dataclass
class Raw:
    """Octets as they are, in one write, and so many replies."""

    octets: bytes
    replies: int = 1


@dataclass
class Wait:
    """Says nothing for so many seconds, or until the connection ends."""

    seconds: float


@dataclass
class Again:
    """So many further connections of the same client, one after the other, each up to its greeting."""

    connections: int = 1


def lines(*texts):
    """Commands in one write."""
    return Raw("".join(text + "\r\n" for text in texts).encode(), len(texts))


def mail(body, head=HELLO):
    """A message by DATA, as steps."""
    return [MAIL, RCPT, "DATA", Raw((head + body + "\r\n.\r\n").encode())]


@dataclass
class Row:
    """One key. `also` stands in both profiles; `offers` is added to the server's EHLO keywords."""

    key: str
    on: str
    off: str
    say: list
    told: tuple  # with on, with off
    differs: str  # of client, server, log: those where on and off differ, and no other
    shows: tuple = ("", "")  # regular expressions: among what the client read, with on, with off
    server: tuple = ("", "")  # the same among what the server read
    counter: str = ""  # one more with on, none with off
    reason: str = ""  # in a record with on, in none with off
    limit: tuple = ()  # limit and value in that record
    also: dict = field(default_factory=dict)
    offers: tuple = ()
    looks: bool = False  # the server notes whether more came before it had replied
    slow: bool = False  # runs beside the others
    kept: tuple = ()  # more fields of an event that are looked at
    passes: str = ""  # with off nothing is read and no record comes soon; this counter counts it


def session(key, on, off, say, told, differs, **more):
    """A row of session_profiles."""
    return Row("session_profiles." + key, on, off, say, told, differs, **more)


def content(key, on, off, say, told, differs, **more):
    """A row of content_profiles."""
    return Row("content_profiles." + key, on, off, say, told, differs, **more)


def policy(key, on, off, say, told, differs, **more):
    """A row of policies: of the client's own one."""
    return Row("policies[]." + key, on, off, say, told, differs, **more)


def unread(key, on, off, passes="pass_no_policy"):
    """What makes a policy match and read: without it nothing is read."""
    return policy(
        key, on, off, [EHLO] + mail(SPAM),
        ("220 250 250 250 354 550 221 fin", "220 250 250 250 354 250 221 fin"), "client server log",
        reason="messages_rejected", passes=passes)


def access(key, on, off, say=(EHLO, MAIL, RCPT), told=("220 250 250 550 221 fin", "220 250 250 250 221 fin"),
           differs="client server log", **more):
    """A row of access: of a rule that refuses the client's recipients, unless the row says otherwise."""
    return Row("access[]." + key, on, off, list(say), told, differs, **more)


def too_many(key, command, counter, before=1):
    """Two of a kind may be, a third ends the session."""
    said = [EHLO] + [command] * (3 if before else 2)
    return session(
        key, "2", "0", said,
        ("220 250" + " 250" * (len(said) - 2) + " 421 fin", "220 250" + " 250" * (len(said) - 1) + " 221 fin"),
        "client server log", counter=counter, reason=counter, limit=(2, 3))


def off_value(key):
    """Of a list, or of the file with more of it."""
    return '""' if key.endswith("_file") else "none"


def blocked(key, on, counter):
    """A list of those who are refused: another address goes through."""
    refused = "550 250 250 250" if "senders" in key else "250 550 250 250"
    return session(
        key, on, off_value(key), [EHLO, MAIL, RCPT, "MAIL FROM:<c@example.com>", "RCPT TO:<d@example.net>"],
        ("220 250 " + refused + " 221 fin", "220 250 250 250 250 250 221 fin"), "client server log",
        server=("NOOP", ""), counter=counter, reason=counter)


def safe(key, on):
    """A list of those whose mail is not scanned."""
    return session(
        key, on, off_value(key), [EHLO] + mail(SPAM),
        ("220 250 250 250 354 250 221 fin", "220 250 250 250 354 550 221 fin"), "client server log",
        server=(SPAM, "^reset$"), counter="not_scanned_safe_list", reason="not_scanned_safe_list")


ROWS = [
    # What the server offers.
    session(
        "prevent_encryption", "true", "false", [EHLO, "STARTTLS", "AUTH DIGEST-MD5", AUTH],
        ("220 250 502 504 235 221 fin", "220 250 454 535 235 221 fin"), "client server log",
        shows=("(?s)250-STARTTLX\n.*AUTH PLAIN DIGEST-MDX\n", "(?s)250-STARTTLS\n.*AUTH PLAIN DIGEST-MD5\n"),
        server=("(?s)NOOP    .*NOOP  ", "STARTTLS"), counter="starttls_refused", reason="starttls_refused",
        offers=("STARTTLS", "AUTH PLAIN DIGEST-MD5")),
    session(
        "mask_chunking", "true", "false", [EHLO, MAIL, RCPT, Raw(b"BDAT 5 LAST\r\nhello")],
        ("220 250 250 250 502 221 fin", "220 250 250 250 250 221 fin"), "client server log",
        shows=("250-CHUNKINX", "250-CHUNKING"), server=("NOOP", "BDAT 5 LAST"),
        counter="chunks_refused", reason="chunks_refused", offers=("CHUNKING",)),
    session(
        "mask_unknown", "true", "false", [EHLO], ("220 250 221 fin", "220 250 221 fin"), "client log",
        shows=("250-NEVERHEARX", "250-NEVERHEARD"), counter="keywords_masked", offers=("NEVERHEARD",)),
    # How commands are said.
    session(
        "strict_lines", "refuse", "pass", [EHLO, Raw(b"NOOP\n")], ("220 250 500 fin", "220 250 250 221 fin"),
        "client server log", counter="cut_strict_lines", reason="cut_strict_lines"),
    session(
        "syntax_check", "true", "false", [EHLO, "MAIL FROM:a@b", MAIL, RCPT, MAIL],
        ("220 250 501 250 250 503 221 fin", "220 250 250 250 250 250 221 fin"), "client server log",
        server=("NOOP", "FROM:a@b"), counter="commands_refused_syntax", reason="commands_refused_sequence"),
    session(
        "helo_characters", "true", "false", ["EHLO a!b", EHLO],
        ("220 501 250 221 fin", "220 250 250 221 fin"), "client server log", shows=("501 5.0.0 ", ""),
        server=("NOOP", "EHLO a!b"), counter="helo_refused_characters", reason="helo_refused_characters"),
    session(
        "pipelining", "strict", "pass", [EHLO, lines("NOOP", MAIL, RCPT)],
        ("220 250 250 503 250 221 fin", "220 250 250 250 250 221 fin"), "client server log",
        counter="pipelined_refused", reason="pipelined_refused", offers=("PIPELINING",)),
    session(
        "pipelining", "loose", "pass", [EHLO, lines(MAIL, RCPT, "RSET")],
        ("220 250 250 250 250 221 fin",) * 2, "server", looks=True,
        server=(r"<b@example.net>\\r\\n$", r"<b@example.net>\\r\\n \+$")),
    session(
        "pipelining", "no", "loose", [EHLO, lines(MAIL, RCPT, "RSET")],
        ("220 250 250 250 250 221 fin",) * 2, "client server log", looks=True, shows=("PIPELININX", "PIPELINING"),
        server=(r"<b@example.net>\\r\\n$", r"<b@example.net>\\r\\n \+$"), counter="keywords_masked",
        offers=("PIPELINING",)),
    # How many connections.
    session(
        "client_connections", "1", "0", [EHLO, Again(), "NOOP"],
        ("220 250 421 250 221 fin", "220 250 220 250 221 fin"), "client server log",
        shows=(r"421 4\.7\.0 Too many connections at a time, try again later \(mw-ID\)", ""),
        counter="refused_client_connections", reason="refused_client_connections", limit=(1, 2)),
    session(
        "client_rate", "1", "0", [EHLO, Again(), "NOOP"],
        ("220 250 421 250 221 fin", "220 250 220 250 221 fin"), "client server log",
        shows=(r"421 4\.7\.0 Too many connections of late, try again later \(mw-ID\)", ""),
        counter="refused_client_rate", reason="refused_client_rate", limit=(1, 2)),
    session(
        "total_connections", "1", "0", [EHLO, Again(), "NOOP"],
        ("220 250 421 250 221 fin", "220 250 220 250 221 fin"), "client server log",
        shows=(r"421 4\.3\.2 ", ""), counter="refused_total_connections", reason="refused_total_connections",
        limit=(1, 2)),
    # How many messages and recipients of late.
    session(
        "client_messages", "2", "0", [EHLO] + mail("one") + mail("two") + ["MAIL FROM:<c@example.com>"],
        ("220 250" + " 250 250 354 250" * 2 + " 450 221 fin", "220 250" + " 250 250 354 250" * 2 + " 250 221 fin"),
        "client server log",
        shows=(r"450 4\.7\.1 Too many messages of this client of late, try again later \(mw-ID\)", ""),
        counter="client_messages_refused", reason="client_messages_refused", limit=(2, 3)),
    session(
        "client_recipients", "2", "0", [EHLO] + mail("one") + [MAIL, RCPT, RCPT],
        ("220 250 250 250 354 250 250 250 450 221 fin", "220 250 250 250 354 250 250 250 250 221 fin"),
        "client server log", shows=(r"450 4\.7\.1 Too many recipients of this client ", ""),
        counter="client_recipients_refused", reason="client_recipients_refused", limit=(2, 3)),
    session(
        "sender_messages", "1", "0", [EHLO] + mail("one") + [MAIL, "MAIL FROM:<c@example.com>"],
        ("220 250 250 250 354 250 450 250 221 fin", "220 250 250 250 354 250 250 250 221 fin"),
        "client server log", shows=(r"450 4\.7\.1 Too many messages of this sender ", ""),
        counter="sender_messages_refused", reason="sender_messages_refused", limit=(1, 2)),
    session(
        "sender_recipients", "1", "0", [EHLO] + mail("one") + [MAIL, RCPT, "RSET", "MAIL FROM:<c@example.com>", RCPT],
        ("220 250 250 250 354 250 250 450 250 250 250 221 fin", "220 250 250 250 354 250 250 250 250 250 250 221 fin"),
        "client server log", shows=(r"450 4\.7\.1 Too many recipients of this sender ", ""),
        counter="sender_recipients_refused", reason="sender_recipients_refused", limit=(1, 2)),
    # Who may send mail.
    session(
        "prevent_open_relaying", "always", "off", [EHLO, MAIL, AUTH, MAIL],
        ("220 250 530 235 250 221 fin", "220 250 250 235 250 221 fin"), "client server log",
        shows=(r"530 5\.7\.0 Authentication required \(mw-ID\)", ""), server=("NOOP", ""),
        counter="mail_refused_no_auth", reason="mail_refused_no_auth", offers=("AUTH PLAIN",)),
    session(
        "prevent_open_relaying", "if_offered", "off", [EHLO, MAIL, AUTH, MAIL],
        ("220 250 530 235 250 221 fin", "220 250 250 235 250 221 fin"), "client server log",
        counter="mail_refused_no_auth", reason="mail_refused_no_auth", offers=("AUTH PLAIN",)),
    session(
        "prevent_open_relaying", "always", "if_offered", [EHLO, MAIL],
        ("220 250 530 221 fin", "220 250 250 221 fin"), "client server log",
        counter="mail_refused_no_auth", reason="mail_refused_no_auth"),
    # How much of a kind.
    too_many("max_helo", EHLO, "cut_max_helo", before=0),
    too_many("max_mail", MAIL, "cut_max_mail"),
    too_many("max_noop", "NOOP", "cut_max_noop"),
    too_many("max_rset", "RSET", "cut_max_rset"),
    session(
        "max_recipients", "2", "0", [EHLO, MAIL, RCPT, RCPT, RCPT],
        ("220 250 250 250 250 452 221 fin", "220 250 250 250 250 250 221 fin"), "client server log",
        shows=(r"452 4\.5\.3 ", ""), counter="recipients_refused", reason="recipients_refused", limit=(2, 3)),
    session(
        "max_message_kb", "1", "0", [EHLO, MAIL + " SIZE=1025", MAIL + " SIZE=1024"],
        ("220 250 552 250 221 fin", "220 250 250 250 221 fin"), "client server log",
        shows=("SIZE 00001024", "SIZE 10240000"), counter="mail_refused_size", reason="mail_refused_size",
        offers=("SIZE 10240000",)),
    session(
        "max_message_kb", "1", "0", [EHLO] + mail("x" * 900 + "\r\n" + "y" * 900),
        ("220 250 250 250 354 552 221 fin", "220 250 250 250 354 250 221 fin"), "client server log",
        counter="cut_message_size", reason="cut_message_size"),
    session(
        "max_header_kb", "1", "0", [EHLO] + mail("x", "X-Long: " + "x" * 900 + "\r\nX-More: " + "y" * 900 + "\r\n\r\n"),
        ("220 250 250 250 354 552 221 fin", "220 250 250 250 354 250 221 fin"), "client server log",
        counter="cut_header_size", reason="cut_header_size"),
    # Errors.
    session(
        "max_errors", "2", "0", [EHLO, "VRFY x", "VRFY x", BAD, "VRFY x"],
        ("220 250 502 502 550 421 fin", "220 250 502 502 550 502 221 fin"), "client server log",
        shows=(r"421 4\.7\.0 Too many errors \(mw-ID\)", ""), counter="cut_max_errors", reason="cut_max_errors",
        limit=(2, 3)),
    session(
        "max_recipient_errors", "2", "0", [EHLO, MAIL, BAD, BAD, "VRFY x", BAD],
        ("220 250 250 550 550 502 421 fin", "220 250 250 550 550 502 550 221 fin"), "client server log",
        counter="cut_max_recipient_errors", reason="cut_max_recipient_errors", limit=(2, 3)),
    session(
        "errors_free", "2", "1", [EHLO, "VRFY x", "VRFY x"],
        ("220 250 502 502 221 fin", "220 250 502 502+3s 221 fin"), "client log", also={"error_delay_s": "3"}),
    session(
        "error_delay_s", "3", "0", [EHLO, "VRFY x"],
        ("220 250 502+3s 221 fin", "220 250 502 221 fin"), "client log", counter="replies_delayed",
        also={"errors_free": "0"}),
    session(
        "error_delay_step_s", "3", "0", [EHLO, "VRFY x", "VRFY x"],
        ("220 250 502 502+3s 221 fin", "220 250 502 502 221 fin"), "client log", counter="replies_delayed",
        also={"errors_free": "0"}),
    # Whose mail.
    blocked("blocked_senders", "[a@example.com]", "senders_blocked"),
    blocked("blocked_senders_file", LISTED, "senders_blocked"),
    blocked("blocked_recipients", "[b@example.net]", "recipients_blocked"),
    blocked("blocked_recipients_file", LISTED, "recipients_blocked"),
    safe("safe_senders", "[a@example.com]"),
    safe("safe_senders_file", LISTED),
    safe("safe_recipients", "[b@example.net]"),
    safe("safe_recipients_file", LISTED),
    # What the DNS says of domains: it knows no gone.*, and cannot tell of broken.*.
    session(
        "check_helo_domain", "true", "false", ["EHLO gone.helo.example", MAIL],
        ("220 250 550 221 fin", "220 250 250 221 fin"), "client server log", shows=(r"550 5\.5\.0 ", ""),
        server=("NOOP", "MAIL"), counter="helo_domain_refused", reason="helo_domain_refused"),
    session(
        "check_sender_domain", "exists", "off", [EHLO, "MAIL FROM:<a@gone.sender.example>"],
        ("220 250 550 221 fin", "220 250 250 221 fin"), "client server log", shows=(r"550 5\.1\.8 ", ""),
        server=("NOOP", "MAIL"), counter="sender_domain_refused", reason="sender_domain_refused"),
    session(
        "check_sender_domain", "resolved", "exists", [EHLO, "MAIL FROM:<a@broken.sender.example>"],
        ("220 250 451 221 fin", "220 250 250 221 fin"), "client server log", server=("NOOP", "MAIL"),
        counter="sender_domain_put_off", reason="sender_domain_put_off"),
    session(
        "check_recipient_domain", "true", "false", [EHLO, MAIL, "RCPT TO:<b@gone.rcpt.example>", RCPT],
        ("220 250 250 550 250 221 fin", "220 250 250 250 250 221 fin"), "client server log",
        shows=(r"550 5\.1\.2 ", ""), server=("NOOP", "gone"), counter="recipient_domain_refused",
        reason="recipient_domain_refused"),
    session(
        "reject_empty_domain", "true", "false", [EHLO, "MAIL FROM:<root>", MAIL, "RCPT TO:<postmaster>"],
        ("220 250 553 250 250 221 fin", "220 250 250 250 250 221 fin"), "client server log",
        shows=(r"553 5\.1\.7 ", ""), server=("NOOP", "<root>"), counter="empty_domain_refused",
        reason="empty_domain_refused"),
    session(
        "check_three_way", "true", "false", ["EHLO example.net", MAIL, RCPT, "RCPT TO:<d@example.org>"],
        ("220 250 250 550 250 221 fin", "220 250 250 250 250 221 fin"), "client server log",
        shows=(r"550 5\.7\.1 Sender domain is not that of HELO and recipient \(mw-ID\)", ""),
        server=("NOOP", "b@example.net"), counter="three_way_refused", reason="three_way_refused"),
    session(
        "blocked_servers", "[10.77.0.2]", "[10.77.0.3]", [], ("554 221 fin", "220 221 fin"), "client server log",
        counter="blocked_servers", reason="blocked_servers"),
    session(
        "blocked_servers_file", "servers", '""', [], ("554 221 fin", "220 221 fin"), "client server log",
        counter="blocked_servers", reason="blocked_servers"),
    # Ends.
    session(
        "possible_end", "refuse", "pass", [EHLO] + mail("one\n.\r\ntwo"),
        ("220 250 250 250 354 550 221 fin", "220 250 250 250 354 250 221 fin"), "client server log",
        counter="cut_possible_end", reason="cut_possible_end"),
    session(
        "idle_s", "10", "0", [EHLO, Wait(13)], ("220 250 reset", "220 250 221 fin"), "client server log",
        counter="reset_idle", reason="reset_idle", slow=True),
    # What is spam, and what then happens.
    content(
        "threshold", "99", "100", [EHLO] + mail(SPAM),
        ("220 250 250 250 354 550 221 fin", "220 250 250 250 354 250 221 fin"), "client server log",
        counter="messages_rejected", reason="messages_rejected"),
    content(
        "action", "reject", "monitor", [EHLO] + mail(SPAM),
        ("220 250 250 250 354 550 221 fin", "220 250 250 250 354 250 221 fin"), "client server log",
        counter="messages_rejected", reason="messages_rejected"),
    content(
        "action", "tempfail", "monitor", [EHLO] + mail(SPAM),
        ("220 250 250 250 354 451 221 fin", "220 250 250 250 354 250 221 fin"), "client server log",
        counter="messages_tempfailed", reason="messages_tempfailed"),
    content(
        "action", "discard", "monitor", [EHLO] + mail(SPAM),
        ("220 250 250 250 354 250 221 fin", "220 250 250 250 354 250 221 fin"), "client server log",
        counter="messages_discarded", reason="messages_discarded"),
    content(
        "groups", "[two]", "[]", [EHLO] + mail(GROUPED) + mail(SPAM),
        ("220 250 250 250 354 250 250 250 354 550 221 fin", "220 250 250 250 354 550 421 fin"),
        "client server log"),
    content(
        "text", '"Not from here"', '""', [EHLO] + mail(SPAM),
        ("220 250 250 250 354 550 221 fin",) * 2, "client",
        shows=(r"550 5\.7\.1 Not from here \(mw-ID\)", r"550 5\.7\.1 Message refused as spam \(mw-ID\)")),
    # Which policy takes a connection, and what it says.
    policy("name", "mine", "his", [EHLO], ("220 250 221 fin",) * 2, "log", kept=("policy",)),
    unread("enabled", "true", "false"),
    unread("source", "OWN", "10.77.0.250"),
    unread("destination", "10.77.0.2", "10.77.0.250"),
    unread("ingress", "[access]", "[core]"),
    unread("vlan", "untagged", "10"),
    unread("port", "25", "26"),
    unread("action", "inspect", "pass", "pass_policy"),
    policy(
        "action", "reject", "inspect", [], ("554 221 fin", "220 221 fin"), "client server log",
        reason="refused_at_connect"),
    policy(
        "action", "tempfail", "inspect", [], ("421 fin", "220 221 fin"), "client server log",
        reason="refused_at_connect"),
    policy(
        "session", "PROFILE", "none", [EHLO, "NOOP", "NOOP"], ("220 250 250 421 fin", "220 250 250 250 221 fin"),
        "client server log", reason="cut_max_noop", also={"max_noop": "1"}),
    policy(
        "content", "PROFILE", "none", [EHLO] + mail(SPAM),
        ("220 250 250 250 354 550 221 fin", "220 250 250 250 354 250 221 fin"), "client server log",
        reason="messages_rejected"),
    # Which recipients a rule takes, and what becomes of them.
    access("name", "mine", "his", told=("220 250 250 550 221 fin",) * 2, differs="log", kept=("access_rule",)),
    access("enabled", "true", "false"),
    access("client", "[OWN]", "[10.77.0.250]"),
    access("direction", "outgoing", "incoming"),
    access("auth", "no", "yes"),
    access("helo", "[client.example.com]", "[other.example.com]"),
    access("sender", "[a@example.com]", "[c@example.com]"),
    access("recipient", "[b@example.net]", "[d@example.net]"),
    access("action", "reject", "relay", shows=(r"550 5\.7\.1 Relay access denied\. \(mw-ID\)", "")),
    access("action", "tempfail", "relay", told=("220 250 250 451 221 fin", "220 250 250 250 221 fin")),
    access(
        "action", "discard", "relay", [EHLO] + mail("x"), ("220 250 250 250 354 250 221 fin",) * 2,
        "client server log", server=("^reset$", "")),
    access(
        "action", "bypass", "reject", [EHLO] + mail(SPAM),
        ("220 250 250 250 354 250 221 fin", "220 250 250 550 354 550 221 fin"), "client server log"),
]


STARTS = "wire/start_settings_test.sh"
REPUTATION = "wire/reputation_settings_test.sh"
CLIENTS = "wire/radius_clients_test.sh"
COMMITS = "wire/commit_settings_test.sh"


def at_start(section, keys, test=None):
    """Rows of start_settings_test.sh, or one made like it, which begin with their key."""
    return [(f"{section}.{key}", test or STARTS, f"{section}.{key}|", 'check_that "$key: they differ"')
            for key in keys.split()]


ROUTED = "unit/config/config_routed_test.c"
# Keys whose both ways another test has: that test, and a text of it with each of two values.
ELSEWHERE = at_start(
    "dataplane", "mode idle hugepages main_core workers flows messages slabs limit_cells bindings senders memory_mb "
    "image_max_mb file_prefix eal_args") + at_start(
        "control", "link rpc state_dir event_log metrics group user_dataplane user_controlplane") + at_start(
            "store", "file") + at_start("radius", "listen") + at_start(
                "reputation", "endpoint.window_min sender.prefixes4 sender.prefixes6 sender.windows_min sender.spam "
                "sender.recipient sender.auth sender.k auth.failures auth.block_min hook.command "
                "geoip_database", REPUTATION) + [
    ("store.on_loss", "unit/serve/serve_rows_test.c", "on_loss = CFG_LOSS_STOP_PICKUP",
     "a_lost_store_stops_nothing_unless_told_to"),
    ("radius.dictionary", "unit/radius/rad_conf_test.c", "dictionary: d", "is no attribute that a dictionary knows"),
    ("radius.idle_min", "unit/radius/rad_bind_test.c", ".idle_s = IDLE_S", ".idle_s = 0"),
    ("radius.nas[].name", "unit/radius/rad_conf_test.c", '[1].name, "b"', '[0].name, "10.0.0.0/8"'),
    ("radius.nas[].prefix", CLIENTS, "prefix: 127.0.0.2/32", "prefix: 127.0.0.3/32"),
    ("radius.nas[].secret_file", CLIENTS, "secret_file: $LAB/nas2.key", "secret_file: $LAB/copy.key"),
    ("radius.nas[].context", "unit/radius/rad_conf_test.c", 'pol_session_key("default")', 'pol_session_key("other")'),
    ("radius.nas[].vlan", "unit/radius/rad_conf_test.c", "[0].context.vlan, 7", "[1].context.vlan, 0"),
    ("radius.nas[].validate", CLIENTS, "validate: false", "a wrong secret binds nobody"),
    ("radius.nas[].respond", CLIENTS, "respond: false", "a NAS that wants no answers gets one"),
    ("radius.nas[].event_time", "unit/radius/rad_conf_test.c", "assert_false(list[0].event_time)",
     "assert_true(list[1].event_time)"),
    ("radius.nas[].max_bindings", "unit/radius/rad_conf_test.c", "[0].context.most, 5000", "[1].context.most, 0"),
    ("radius.nas[].byte_order", CLIENTS, "byte_order: host", "network order: bound"),
    ("radius.nas[].id", CLIENTS, "id: 3GPP-IMSI", "network order: bound"),
    ("radius.nas[].address", CLIENTS, "address: [Framed-IP-Address, Framed-IPv6-Prefix", "byte_order: host}"),
    ("radius.nas[].port_first", "unit/radius/rad_conf_test.c", "[0].form.port_first.type, 5",
     "[1].form.port_first.type, 0"),
    ("radius.nas[].port_last", "unit/radius/rad_conf_test.c", "[0].form.port_last.type, 5",
     "[1].form.port_last.type, 0"),
    ("reputation.auth.window_min", "unit/reputation/rep_auth_test.c", "window_s = 30 * MIN", "window_s = 60 * MIN"),
    ("reputation.hook.per_min", "unit/serve/serve_reputation_test.c", "{.per_min = 2,", "{.per_min = 3,"),
    ("reputation.hook.at_once", "unit/serve/serve_reputation_test.c", ".at_once = 1,", ".at_once = 2,"),
    ("dataplane.ports[].name", STARTS, "name: access,", "name: left,"),
    ("dataplane.ports[].dev", STARTS, 'dev: "net_null0', 'dev: "net_null2'),
    ("dataplane.ports[].mtu", STARTS, "access net_null0 1500", "mtu: 1400"),
    ("dataplane.pairs[].a", STARTS, "pairs: [[access, core]]", "dataplane.mode|pair|core|learn|"),
    ("dataplane.pairs[].b", STARTS, "pairs: [[access, core]]", "dataplane.mode|pair|core|learn|"),
    ("dataplane.ttl", "unit/engine/routed_test.c", "engine_make(false)", "engine_make(true)"),
    ("dataplane.health.port", "unit/engine/health_test.c", "it_takes_and_tells_by_both_families", "without_a_port_nothing_answers"),
    ("dataplane.health.from", "unit/engine/health_test.c", 'syn("192.0.2.1"), TCP_SYN | TCP_ACK', 'syn("192.0.2.129"), 0'),
    ("dataplane.health.needs_policy", "unit/engine/health_test.c", ".needs_policy = true", "{.port = PORT}"),
    ("dataplane.health.needs_control_plane", "unit/engine/health_test.c", ".needs_control_plane = true", "{.port = PORT}"),
    ("dataplane.health.needs_ports", "unit/engine/health_test.c", ".needs_ports = true", "{.port = PORT}"),
    ("dataplane.health.drain", "unit/engine/health_test.c", "late <= 1", ".late = late != 0"),
    ("control.drain_new", "wire/drain_test.sh", "drain_new: refuse", "drain --new pass"),
    ("control.drain_wait_s", "wire/drain_test.sh", "drain_wait_s: 3", "drain --wait 10m"),
    ("dataplane.interfaces[].name", ROUTED, "interface: x}", "interface: q}"),
    ("dataplane.interfaces[].port", ROUTED, "name: y, port: b", "name: z, port: c"),
    ("dataplane.interfaces[].vlan", "unit/engine/routed_test.c", "put(A, f.b, f.n)", "wire_get16(out.b + 14), 7"),
    ("dataplane.interfaces[].addresses", ROUTED, "addresses: [192.0.2.2/31]", "addresses: [192.0.2.0/24]"),
    ("dataplane.management.device", "wire/management_test.sh", "device: mw-mgmt", "{addresses: [$OWN4/24"),
    ("dataplane.management.addresses", "wire/management_test.sh", "addresses: [$OWN4/32", "addresses: [$OWN4/24"),
    ("dataplane.management.from", "wire/management_test.sh", "from: [before]", "from: [access]"),
    ("dataplane.routes[].to", "wire/routed_test.sh", "$LAB_SERVER4 $LAB_CLIENT4", "$LAB_SERVER6 $LAB_CLIENT6"),
    ("dataplane.routes[].via", ROUTED, "via: 192.0.2.1}", "via: 203.0.113.1}"),
    ("dataplane.routes[].interface", ROUTED, "interface: x}", "interface: q}"),
    ("control.event_syslog", "wire/explain_test.sh", "event_syslog: $LAB", "no event_syslog:"),
    ("control.event_hash_key", "wire/explain_test.sh", "event_hash_key: $LAB", "no event_hash_key:"),
    ("control.event_hash", "wire/explain_test.sh", "event_hash: addresses'", "event_hash: subjects'"),
    ("pickup.ports", COMMITS, "ports: [25]", "ports: [26]"),
    ("pickup.incoming", COMMITS, "pickup: {incoming: proxy}", "pickup: {incoming: pass}"),
    ("pickup.outgoing", COMMITS, "pickup: {outgoing: proxy}", "pickup: {outgoing: pass}"),
    ("pickup.local", "unit/compile/compile_image_test.c", ".pickup.local = true", ".pickup.local = false"),
    ("pickup.by_ingress[].local", "wire/management_test.sh", "local_is on", "local_is off"),
    ("pickup.by_ingress[].ingress", COMMITS, "ingress: core, incoming: pass", "ingress: access, incoming: pass"),
    ("pickup.by_ingress[].incoming", COMMITS, "incoming: proxy, outgoing: pass", "incoming: pass, outgoing: pass"),
    ("pickup.by_ingress[].outgoing", COMMITS, "incoming: pass, outgoing: proxy", "incoming: pass, outgoing: pass"),
    ("protected_domains.*.servers", COMMITS, "servers: [$LAB_SERVER4]", "servers: [10.77.0.9]"),
    ("contexts[].name", "unit/compile/compile_image_test.c", '"nocontext"', "p->context, 0"),
    ("contexts[].ports", "unit/engine/stage_test.c", ".ports = 3", "of no context"),
    ("contexts[].by_vlan", "unit/engine/stage_test.c", ".by_vlan = 1", "context, 0);"),
    ("dns.servers", COMMITS, "127.0.0.1:5300", "127.0.0.1:5301"),
    ("dns.timeout_ms", COMMITS, "timeout_ms: 200}", "timeout_ms: 1800}"),
    ("dns.cache_entries", "unit/dns/dns_ask_test.c", "cache_entries = 16}, 16", "cache_entries = 64}, 40"),
    ("doctor.probes[].server", "wire/doctor_test.sh", "probes: [{server: %s", "knocks \"$NS_SUB\" 3"),
    ("doctor.probes[].port", "wire/doctor_test.sh", "port: 25, source", "dport 25 lookup 101"),
    ("doctor.probes[].source", "wire/doctor_test.sh", "source: %s}]", "$LAB_SERVER4 $LAB_CLIENT4 >>"),
    ("doctor.every_s", "wire/doctor_test.sh", "every_s: 5}", "probes warning"),
    ("rules.file", COMMITS, "rules: {file: $LAB_RULES}", "rules: {file: \"\"}"),
    ("session_profiles.*.client_rate_min", "unit/engine/span_test.c", "client_rate_min: 1,", "client_rate_min: 30,"),
    ("session_profiles.*.sender_rate_min", "unit/engine/span_test.c", "sender_rate_min: 1,", "sender_rate_min: 30,"),
    ("session_profiles.*.refuse_at", "unit/engine/reputation_test.c", '{"connect", "mail"', '"mail", "rcpt"}'),
    ("session_profiles.*.endpoint_reputation.action", "wire/subscriber_test.sh",
     "endpoint_reputation: {action: reject", "endpoint_reputation: {action: monitor"),
    ("session_profiles.*.endpoint_reputation.trigger", REPUTATION, "endpoint_reputation.trigger|5|none|1|auto",
     'check_that "$key: they differ"'),
    ("session_profiles.*.endpoint_reputation.duration_min", "wire/subscriber_test.sh", "duration_min: 1}",
     "duration_min: 60}"),
    ("session_profiles.*.sender_reputation.action", "wire/senders_test.sh", "sender_reputation: {action: reject",
     "sender_reputation: {action: monitor"),
    ("session_profiles.*.sender_reputation.throttle_at", "wire/senders_test.sh", "throttle_at: 15", "throttle_at: 0"),
    ("session_profiles.*.sender_reputation.throttle_messages", "unit/engine/throttle_test.c", "throttle_messages: 0",
     "throttle_messages: 2"),
    ("session_profiles.*.sender_reputation.throttle_percent", "unit/engine/throttle_test.c", "throttle_percent: 74",
     "throttle_percent: 75"),
    ("session_profiles.*.sender_reputation.tempfail_at", "wire/senders_test.sh", "tempfail_at: 55", "tempfail_at: 0"),
    ("session_profiles.*.sender_reputation.reject_at", "wire/senders_test.sh", "reject_at: 80", "reject_at: 50"),
    ("session_profiles.*.auth_reputation.action", "unit/engine/reputation_test.c", "auth_reputation: {action: monitor}",
     "auth_reputation: {action: reject}"),
    ("policies[].comment", "unit/config/config_edit_test.c", "comment= enabled", "comment=why"),
    ("policies[].context", "unit/policy/policy_match_test.c", ".context = 1,", "p.context = 2"),
    ("access[].comment", "unit/config/config_load_test.c", "comment: why", 'r->comment, "why"'),
]
# Keys that do nothing in this release: the reference says so.
WITHOUT_EFFECT = ()

# In both profiles, so that no row is judged by what another is about.
QUIET = {"session_profiles": {"error_delay_s": "0", "error_delay_step_s": "0", "max_errors": "0"},
         "content_profiles": {}}


def address(number, is_on):
    """The client's address, by the row's number."""
    return f"10.77.{101 if is_on else 102}.{number + 1}"


def profiles(section, rows):
    """The profiles of a section as YAML, two for each row of it."""
    yield f"{section}:"
    for number, row in rows:
        name, key = row.key.split(".")
        for word, value in (("on", row.on), ("off", row.off)):
            keys = dict(QUIET[section])
            if name == section or section == "session_profiles":
                keys.update(row.also)
            if name == section:
                keys[key] = value
            yield f"  {word}{number}: {{" + ", ".join(f"{k}: {v}" for k, v in keys.items()) + "}"


def entry(section, base, number, row, is_on):
    """One of a list, with the row's key in it where that is of this list."""
    name, key = row.key.split(".")
    if name == section:
        value = row.on if is_on else row.off
        base[key] = value.replace("OWN", address(number, is_on)).replace("PROFILE", base.get(key, ""))
        if key == "name":
            base[key] += section.rstrip("[]")
    return "  - {" + ", ".join(f"{k}: {v}" for k, v in base.items()) + "}"


def configuration():
    """Profiles, policies and access rules as YAML."""
    numbered = list(enumerate(ROWS))
    both = [(number, row, is_on) for number, row in numbered for is_on in (True, False)]
    for section in QUIET:
        yield from profiles(section, numbered)
    yield "policies:"
    for number, row, is_on in both:
        own = ("on" if is_on else "off") + str(number)
        yield entry("policies[]", {"name": own, "source": address(number, is_on), "action": "inspect",
                                   "session": own, "content": own}, number, row, is_on)
    yield "access:"
    for number, row, is_on in both:
        if row.key.startswith("access[]."):
            yield entry("access[]", {"name": f"rule{number}{is_on}", "client": f"[{address(number, is_on)}]",
                                     "action": "reject"}, number, row, is_on)
