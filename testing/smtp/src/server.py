"""A real SMTP server for tests: aiosmtpd, told how to behave line by line on its standard input.

Answers each line with one of JSON on its standard output; the first it prints by itself is its port. Ends when its
input does.
"""

import asyncio
import base64
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP


class Post:
    def __init__(self):
        self.mails = []
        self.refused = set()
        self.replies = {}
        self.own_domain = None
        self.mode = "accept"
        self.released = asyncio.Event()

    async def handle_MAIL(self, server, session, envelope, address, options):
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "RCPT" in self.replies:
            return self.replies["RCPT"]
        if self.own_domain is not None and not address.endswith("@" + self.own_domain):
            return "554 5.7.1 relay access denied"
        if address in self.refused:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if "DATA" in self.replies:
            return self.replies["DATA"]
        mode = self.mode
        if mode == "temporary":
            return "451 4.3.0 come back later"
        if mode == "refuse":
            return "554 5.6.0 not that"
        if mode == "drop":
            session_transport(server).abort()
            return "421 gone"
        self.mails.append(read(envelope))
        if mode == "drop-after":
            session_transport(server).abort()
            return "421 gone"
        if mode == "hold":
            await self.released.wait()
        return "250 OK"


def session_transport(server):
    return server.transport


def read(envelope):
    raw = envelope.original_content or envelope.content
    message = email.message_from_bytes(raw, policy=email.policy.default)

    def part(kind):
        body = message.get_body(preferencelist=(kind,))
        return body.get_content() if body is not None else None

    return {
        "from": envelope.mail_from,
        "to": list(envelope.rcpt_tos),
        "headers": [[name, str(value)] for name, value in message.items()],
        "text": part("plain"),
        "html": part("html"),
        "defects": [type(defect).__name__ for defect in message.defects],
        "longest_line": max(len(line) for line in raw.split(b"\r\n")),
        "raw": base64.b64encode(raw).decode(),
    }


async def main():
    post = Post()
    loop = asyncio.get_running_loop()
    security, context = sys.argv[1], None
    if security != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
    starttls = {"tls_context": context, "require_starttls": True} if security == "starttls" else {}
    server = await loop.create_server(
        lambda: SMTP(post, enable_SMTPUTF8=False, loop=loop, **starttls),
        "127.0.0.1",
        0,
        ssl=context if security == "implicit" else None,
    )
    say({"port": server.sockets[0].getsockname()[1]})
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        told = json.loads(line)
        if "mode" in told:
            post.mode = told["mode"]
            post.released.set()
            post.released = asyncio.Event()
        if "refuse" in told:
            post.refused = set(told["refuse"])
        if "own_domain" in told:
            post.own_domain = told["own_domain"]
        if "replies" in told:
            post.replies = told["replies"]
        say({"mails": post.mails})


def say(what):
    print(json.dumps(what), flush=True)


asyncio.run(main())
