"""What the product issues, prints and mails, before judges that nobody here wrote: OpenSSL, pkilint, poppler, zbar and
aiosmtpd.

    python issued.py [--binary PATH]

`yinxin-specimens` starts the product and has people go through Fujian's and Yingtan's sites; what they are given is judged
here. Prints each check, and exits with 1 when one fails.
"""

import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

# Of pkilint's findings everything above INFO counts. What is left as it is, by code, each with its reason:
ACCEPTED = {}

failures = 0


def check(what, holds, seen=None):
    """Prints one check; `seen` is shown when it does not hold."""
    global failures
    print(("ok    " if holds else "FAILED") + "  " + what)
    if not holds:
        failures += 1
        print("        seen:", seen)


def run(*words):
    """What a program says on both channels, and its exit code."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


# ---- certificates and lists


def split_chain(folder):
    """The issuing certificate and the root, in files of their own."""
    blocks = re.findall(
        r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n", (folder / "chain-of-unit.pem").read_text()
    )
    check("the chain holds the certificate, the issuing CA and the root", len(blocks) == 3, len(blocks))
    check("it begins with the certificate", blocks[0] == (folder / "unit.pem").read_text(), blocks[0])
    (folder / "issuing.pem").write_text(blocks[1])
    (folder / "root.pem").write_text(blocks[2])
    personal = (folder / "chain-of-personal.pem").read_text()
    check("the same authorities have issued the personal one", personal.endswith("".join(blocks[1:])), personal)


def verified(folder, certificate, crl=None):
    """OpenSSL's verdict, as strict as it can be; with the list where one is named."""
    words = ["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", str(folder / "root.pem"),
             "-untrusted", str(folder / "issuing.pem")]
    if crl:
        words += ["-crl_check", "-CRLfile", str(folder / f"{crl}.pem-crl")]
    return run(*words, str(folder / certificate))


def check_certificates(folder, facts):
    for name, kind in [("unit.pem", "unit"), ("personal.pem", "personal")]:
        code, said = verified(folder, name)
        check(f"OpenSSL takes the {kind} certificate by its chain", code == 0 and said.endswith(": OK\n"), said)
        _, text = run("openssl", "x509", "-in", str(folder / name), "-noout", "-text", "-nameopt", "utf8,sep_comma_plus,-esc_msb")
        check(f"the {kind} certificate names its holder", f"CN={facts[kind]['name']}" in text.replace(" = ", "="), text)
        serial = re.search(r"Serial Number:\s*([0-9a-f:]+)", text)[1].replace(":", "")
        check(f"the {kind} certificate has the serial that the site shows", serial == facts[kind]["serial"], serial)
        check(f"the {kind} certificate names its list", re.search(r"CRL Distribution Points:.*URI:http", text, re.S), text)
        check(f"the {kind} certificate signs nothing else", "CA:FALSE" in text, text)
        if kind == "unit":
            check("the unit certificate has the USCC", facts["unit"]["uscc"] in text, text)
        else:
            number = facts["personal"]["number"]
            check("a person's identity number is not in it", number not in text, text)
    for name, path_length in [("issuing", "CA:TRUE, pathlen:0"), ("root", "CA:TRUE")]:
        _, text = run("openssl", "x509", "-in", str(folder / f"{name}.pem"), "-noout", "-text")
        check(f"the {name} CA may sign certificates and lists", path_length in text and "Certificate Sign, CRL Sign" in text, text)


def list_text(folder, name):
    der, pem = folder / f"{name}.crl", folder / f"{name}.pem-crl"
    run("openssl", "crl", "-inform", "DER", "-in", str(der), "-out", str(pem))
    both = folder / "authorities.pem"
    both.write_text((folder / "issuing.pem").read_text() + (folder / "root.pem").read_text())
    return run("openssl", "crl", "-in", str(pem), "-noout", "-text", "-CAfile", str(both))[1]


def check_lists(folder, facts):
    texts = {name: list_text(folder, name) for name in ("at-first", "frozen", "revoked")}
    for name, text in texts.items():
        check(f"OpenSSL takes the list ({name}) as the issuing CA's", "verify OK" in text, text)
        check(f"the list ({name}) is version 2 with a number and a next update",
              "Version 2" in text and "X509v3 CRL Number" in text and "Next Update" in text, text)
    numbers = [int(re.search(r"CRL Number:\s*(\d+)", text)[1]) for text in texts.values()]
    check("later lists have higher numbers", numbers == sorted(set(numbers)), numbers)
    check("at first nothing is on it", "No Revoked Certificates" in texts["at-first"], texts["at-first"])

    def entry(text, serial):
        parts = re.split(r"\n(?=\s*Serial Number: )", text)
        return next((part for part in parts if re.search(rf"Serial Number: {serial}\s", part, re.I)), "")

    unit, personal = facts["unit"]["serial"], facts["personal"]["serial"]
    check("a frozen certificate is on it as certificateHold", "Certificate Hold" in entry(texts["frozen"], unit), texts["frozen"])
    check("the other one is not", not entry(texts["frozen"], personal), texts["frozen"])
    check("a restored certificate is off it", not entry(texts["revoked"], unit), texts["revoked"])
    check("a revoked one is on it with the reason", "Key Compromise" in entry(texts["revoked"], personal), texts["revoked"])

    for certificate, crl, good in [
        ("unit.pem", "at-first", True), ("unit.pem", "frozen", False), ("unit.pem", "revoked", True),
        ("personal.pem", "at-first", True), ("personal.pem", "frozen", True), ("personal.pem", "revoked", False),
    ]:
        code, said = verified(folder, certificate, crl)
        holds = code == 0 if good else code != 0 and "certificate revoked" in said
        check(f"OpenSSL finds {certificate} {'good' if good else 'revoked'} by the list ({crl})", holds, said)


def findings(program, *words):
    """What one of pkilint's programs finds: severity, code, where and what."""
    code, said = run(sys.executable, "-m", f"pkilint.bin.{program}", "lint", "-s", "INFO", "-f", "JSON", *words)
    try:
        results = json.loads(said)["results"]
    except ValueError:
        return [("FATAL", "pkilint could not read it", "", said)]
    return [
        (finding["severity"], finding["code"], result["node_path"], finding["message"])
        for result in results
        for finding in result["finding_descriptions"]
    ]


def check_pkilint(folder):
    looked, used = 0, set()
    certificates = ["unit", "personal", "issuing", "root"]
    judged = [(name, "lint_pkix_cert", [f"{name}.pem"]) for name in certificates]
    judged += [
        (f"{signed} by {signer}", "lint_pkix_signer_signee_cert_chain", [f"{signer}.pem", f"{signed}.pem"])
        for signer, signed in [("issuing", "unit"), ("issuing", "personal"), ("root", "issuing"), ("root", "root")]
    ]
    judged += [(f"list {name}", "lint_crl", [f"{name}.crl"]) for name in ("at-first", "frozen", "revoked")]
    for what, program, names in judged:
        more = ["--type", "CRL", "--profile", "PKIX"] if program == "lint_crl" else []
        found = findings(program, *more, *[str(folder / name) for name in names])
        looked += len(found)
        grave = [finding for finding in found if finding[0] != "INFO"]
        used |= {finding[1] for finding in grave}
        left = [finding for finding in grave if finding[1] not in ACCEPTED]
        check(f"pkilint finds nothing in {what}", not left, left)
    # It notes how key identifiers were made, of each certificate: had it looked at nothing, this would not be here.
    check("pkilint has looked", looked >= len(certificates), looked)
    check("nothing is accepted that pkilint does not find", set(ACCEPTED) <= used, set(ACCEPTED) - used)


def check_that_judges_judge(folder):
    """A certificate with one bit of its signature turned, and one that lasts too long, do not pass."""
    text = (folder / "unit.pem").read_text()
    lines = text.splitlines()
    place = len(lines) - 3
    lines[place] = lines[place][:-9] + ("A" if lines[place][-9] != "A" else "B") + lines[place][-8:]
    (folder / "tampered.pem").write_text("\n".join(lines) + "\n")
    code, said = verified(folder, "tampered.pem")
    check("OpenSSL refuses a certificate that was tampered with", code != 0, said)
    key, bad = folder / "bad.key", folder / "bad.pem"
    run("openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "9",
        "-subj", "/CN=no key usage", "-keyout", str(key), "-out", str(bad))
    found = [finding for finding in findings("lint_pkix_cert", str(bad)) if finding[0] == "ERROR"]
    check("pkilint finds a CA without key usage", found, found)


# ---- papers and mail


def text_of(pdf):
    return run("pdftotext", "-layout", str(pdf), "-")[1]


def codes_of(pdf):
    """What the QR codes on the first page say, read as a phone's camera would."""
    picture = pdf.with_suffix("")
    run("pdftoppm", "-r", "150", "-f", "1", "-l", "1", "-singlefile", "-png", str(pdf), str(picture))
    words = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", f"{picture}.png"]
    return subprocess.run(words, capture_output=True, text=True, timeout=120).stdout.splitlines()


def check_papers(folder, facts):
    unit, letter = facts["unit"], facts["letter"]
    for name, words, code in [
        ("application-form", [unit["name"], unit["uscc"], unit["legal"], unit["handler"], "企业数字证书申请表"], unit["case"]),
        ("receipt", [unit["name"], unit["order"], unit["reference"], unit["amount"], "回执单"], unit["order"]),
        ("letter", [letter["name"], letter["legal"], letter["handler"], "授权委托书"], letter["phone"]),
    ]:
        pdf = folder / f"{name}.pdf"
        text = text_of(pdf)
        missing = [word for word in words if word not in text]
        check(f"pdftotext reads the {name}", not missing, (missing, text))
        codes = codes_of(pdf)
        check(f"zbar reads the code on the {name}", any(code in said for said in codes), (code, codes))
        fonts = run("pdffonts", str(pdf))[1].splitlines()[2:]
        embedded = [line.split()[-5] for line in fonts]
        check(f"the {name} brings its fonts along", embedded and set(embedded) == {"yes"}, fonts)
    text = text_of(folder / "invoice.pdf")
    check("pdftotext reads the invoice", unit["amount"] in text, text)


def check_mail(folder, facts, mails):
    to, invoice = facts["unit"]["email"], (folder / "invoice.pdf").read_bytes()
    found = []
    for _ in range(300):
        lines = mails.read_text().splitlines() if mails.exists() else []
        found = [mail for mail in map(json.loads, lines) if to in mail["to"] and mail["attachments"]]
        if found:
            break
        time.sleep(0.1)
    check("aiosmtpd receives the invoice's mail", found, mails.read_text() if mails.exists() else "no mail")
    if not found:
        return
    mail = found[0]
    check("its subject is Chinese and whole", re.search(r"发票", mail["subject"]) and "=?" not in mail["subject"], mail)
    check("so is its text", re.search(r"[\u4e00-\u9fff]{4}", mail["text"]) and "\ufffd" not in mail["text"], mail)
    check("it comes from somebody", "@" in mail["from"] and mail["message_id"], mail)
    attachment = mail["attachments"][0]
    check("the attachment is a PDF by name and type",
          attachment["name"].endswith(".pdf") and attachment["type"] == "application/pdf", attachment)
    check("it is the invoice, byte for byte", attachment["sha256"] == hashlib.sha256(invoice).hexdigest(), attachment)


@contextlib.contextmanager
def mail_server(out):
    """aiosmtpd on a free port, as long as the block lasts."""
    here = pathlib.Path(__file__).parent
    server = subprocess.Popen(
        [sys.executable, "-B", str(here / "smtp_server.py"), "--out", str(out)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    try:
        yield json.loads(server.stdout.readline())["port"]
    finally:
        server.stdin.close()
        server.wait(timeout=20)


def main():
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(target, "debug", "yinxin-specimens"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as state:
        folder = pathlib.Path(state)
        mails = folder / "mails.jsonl"
        with mail_server(mails) as port:
            subprocess.run([arguments.binary, state, f"127.0.0.1:{port}"], check=True, timeout=300)
            facts = json.loads((folder / "facts.json").read_text())
            check_mail(folder, facts, mails)
        split_chain(folder)
        check_certificates(folder, facts)
        check_lists(folder, facts)
        check_pkilint(folder)
        check_that_judges_judge(folder)
        check_papers(folder, facts)
    print(f"{failures} checks failed" if failures else "all checks hold")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
