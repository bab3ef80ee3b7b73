#!/usr/bin/env python3
"""A real SMTP server (aiosmtpd) that asks for a login and writes each mail as one line of JSON.

    smtp_server.py --out mails.jsonl [--port 0] [--user u --password p] [--starttls CERT KEY]

Prints `{"port": …}` when it listens, and ends with its standard input. Recipients whose address begins with `refused` are
refused for good (550), those that begin with `later` for now (451).
"""

import argparse
import asyncio
import hashlib
import json
import logging
import ssl
import sys
import warnings
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Mailbox:
    """Keeps what is handed over."""

    def __init__(self, out):
        self.out = out

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later"):
            return "451 4.3.0 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(preferencelist=("plain", "html"))
        record = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "login": session.authenticated and session.auth_data and session.auth_data.login.decode(),
            "tls": session.ssl is not None,
            "message_id": mail["message-id"],
            "sender": mail["from"],
            "subject": mail["subject"],
            "text": body.get_content() if body else "",
            "attachments": [attachment(part) for part in mail.iter_attachments()],
        }
        with open(self.out, "a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        return "250 OK"


def attachment(part):
    content = part.get_content()
    content = content.encode() if isinstance(content, str) else content
    return {
        "name": part.get_filename(),
        "type": part.get_content_type(),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def checker(user, password):
    def check(server, session, envelope, mechanism, data):
        right = (
            isinstance(data, LoginPassword)
            and data.login == user.encode()
            and data.password == password.encode()
        )
        return AuthResult(success=right, handled=False, auth_data=data)

    return check


async def serve(arguments):
    options = {"hostname": "localhost", "enable_SMTPUTF8": True}
    if arguments.user:
        options |= {
            "authenticator": checker(arguments.user, arguments.password),
            "auth_required": True,
            "auth_require_tls": bool(arguments.starttls),
        }
    if arguments.starttls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*arguments.starttls)
        options |= {"tls_context": context, "require_starttls": True}
    mailbox = Mailbox(arguments.out)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, **options), "127.0.0.1", arguments.port)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    # The caller holds the other end; when it is gone, nobody needs the server any more.
    await loop.run_in_executor(None, sys.stdin.read)


def main():
    # A login in the clear and a client that breaks off are what some tests are about.
    warnings.simplefilter("ignore")
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--starttls", nargs=2, metavar=("CERT", "KEY"))
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
