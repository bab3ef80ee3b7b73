"""What the product issues, prints and mails, before judges that nobody here wrote: OpenSSL, pkilint, poppler, zbar and
aiosmtpd.

    python issued.py [--binary PATH]

`yinxin-specimens` starts the product and has people go through the sites; what they are given is judged here: chain, list
and certificates of every site that has an issuer, and every document that any plugin describes. A site or document of which
there is no specimen fails. Prints each check, and exits with 1 when one fails.
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
import tomllib

ROOT = pathlib.Path(__file__).parents[2]

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


# ---- that nothing is left out


def sites():
    """Every deployable site, as its site.toml describes it."""
    files = sorted(ROOT.glob("sites/*/site.toml"))
    return [tomllib.loads(file.read_text()) for file in files]


def check_that_all_is_there(facts):
    """Each site that issues has its specimens; each plugin of a site has described itself, and each document is printed."""
    issuing = {site["id"] for site in sites() if "issuer" in site}
    check("there are sites that issue", issuing, issuing)
    judged = {name for name, of in facts["sites"].items() if of["certificates"]}
    check("every site with an issuer has certificates here, and no other", judged == issuing, (judged, issuing))
    plugins = {plugin["name"] for site in sites() for plugin in site["plugin"]}
    described = set(facts["documents"])
    check("every plugin of a site has described itself", plugins <= described, (plugins, described))
    documents = {(plugin, document["id"]) for plugin, of in facts["documents"].items() for document in of["documents"]}
    printed = {(paper["plugin"], paper["document"]) for of in facts["sites"].values() for paper in of["papers"]}
    check("plugins describe documents", documents, documents)
    check("every document of every plugin is printed", printed == documents, printed ^ documents)


# ---- certificates and lists


class Site:
    """One site's specimens: a folder, and what they have to say."""

    def __init__(self, name, folder, facts):
        self.name = name
        self.folder = folder / name
        self.certificates = facts["certificates"]
        self.papers = facts["papers"]

    def check(self, what, holds, seen=None):
        check(f"{self.name}: {what}", holds, seen)

    def file(self, name):
        return str(self.folder / name)

    def path(self, name):
        return self.folder / name


LISTS = ("at-first", "frozen", "restored", "revoked")


def split_chain(site):
    """The issuing certificate and the root, in files of their own."""
    authorities = None
    for certificate in site.certificates:
        name = certificate["file"]
        chain = site.path(f"chain-of-{name}.pem").read_text()
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n", chain)
        site.check(f"the chain of {name} is the certificate, the issuing CA and the root", len(blocks) == 3, len(blocks))
        own = site.path(f"{name}.pem").read_text()
        site.check(f"the chain of {name} begins with the certificate", blocks[0] == own, blocks[0])
        authorities = authorities or blocks[1:]
        site.check(f"the same authorities have issued {name}", blocks[1:] == authorities, chain)
    for name, block in zip(("issuing", "root"), authorities):
        site.path(f"{name}.pem").write_text(block)


def verified(site, certificate, crl=None):
    """OpenSSL's verdict, as strict as it can be; with the list where one is named."""
    words = ["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", site.file("root.pem"),
             "-untrusted", site.file("issuing.pem")]
    if crl:
        words += ["-crl_check", "-CRLfile", site.file(f"{crl}.pem-crl")]
    return run(*words, site.file(certificate))


def certificate_text(site, name):
    words = ["-noout", "-text", "-nameopt", "utf8,sep_comma_plus,-esc_msb"]
    return run("openssl", "x509", "-in", site.file(f"{name}.pem"), *words)[1]


def check_certificates(site, issuer):
    for certificate in site.certificates:
        name = certificate["file"]
        code, said = verified(site, f"{name}.pem")
        site.check(f"OpenSSL takes the {name} certificate by its chain", code == 0 and said.endswith(": OK\n"), said)
        text = certificate_text(site, name)
        missing = [word for word in certificate["says"] if word not in text]
        site.check(f"the {name} certificate says whose it is", certificate["says"] and not missing, (missing, text))
        told = [word for word in certificate["hides"] if word in text]
        site.check(f"no identity number is in the {name} certificate", certificate["hides"] and not told, text)
        serial = re.search(r"Serial Number:\s*([0-9a-f:]+)", text)[1].replace(":", "")
        site.check(f"the {name} certificate has the serial that the site shows", serial == certificate["serial"], serial)
        site.check(f"the {name} certificate names its list", re.search(r"CRL Distribution Points:.*URI:http", text, re.S), text)
        site.check(f"the {name} certificate signs nothing else", "CA:FALSE" in text, text)
    for name, path_length in [("issuing", "CA:TRUE, pathlen:0"), ("root", "CA:TRUE")]:
        text = certificate_text(site, name)
        may = path_length in text and "Certificate Sign, CRL Sign" in text
        site.check(f"the {name} CA may sign certificates and lists", may, text)
        subject = re.search(r"Subject: (.*)", text)[1].replace(" = ", "=")
        named = f"CN={issuer[name]}" in subject and issuer["organisation"] in subject
        site.check(f"the {name} CA is called as in site.toml", named, subject)


def list_text(site, name):
    pem = site.file(f"{name}.pem-crl")
    run("openssl", "crl", "-inform", "DER", "-in", site.file(f"{name}.crl"), "-out", pem)
    both = site.path("authorities.pem")
    both.write_text(site.path("issuing.pem").read_text() + site.path("root.pem").read_text())
    return run("openssl", "crl", "-in", pem, "-noout", "-text", "-CAfile", str(both))[1]


def entry(text, serial):
    """What a list says of one certificate; nothing where it is not on it."""
    parts = re.split(r"\n(?=\s*Serial Number: )", text)
    return next((part for part in parts if re.search(rf"Serial Number: {serial}\s", part, re.I)), "")


def check_lists(site):
    texts = {name: list_text(site, name) for name in LISTS}
    for name, text in texts.items():
        site.check(f"OpenSSL takes the list ({name}) as the issuing CA's", "verify OK" in text, text)
        site.check(f"the list ({name}) is version 2 with a number and a next update",
                   "Version 2" in text and "X509v3 CRL Number" in text and "Next Update" in text, text)
    numbers = [int(re.search(r"CRL Number:\s*(\d+)", text)[1]) for text in texts.values()]
    site.check("later lists have higher numbers", numbers == sorted(set(numbers)), numbers)
    site.check("at first nothing is on it", "No Revoked Certificates" in texts["at-first"], texts["at-first"])

    # The first was frozen and restored, then the last revoked; where there is one only, that one.
    first, last = site.certificates[0], site.certificates[-1]
    site.check("a frozen certificate is on it as certificateHold",
               "Certificate Hold" in entry(texts["frozen"], first["serial"]), texts["frozen"])
    site.check("a restored certificate is off it", not entry(texts["restored"], first["serial"]), texts["restored"])
    site.check("a revoked one is on it with the reason",
               "Key Compromise" in entry(texts["revoked"], last["serial"]), texts["revoked"])
    for certificate in site.certificates:
        name = certificate["file"]
        for crl in LISTS:
            bad = crl == "frozen" and certificate is first or crl == "revoked" and certificate is last
            code, said = verified(site, f"{name}.pem", crl)
            holds = code != 0 and "certificate revoked" in said if bad else code == 0
            site.check(f"OpenSSL finds {name} {'revoked' if bad else 'good'} by the list ({crl})", holds, said)
            listed = bool(entry(texts[crl], certificate["serial"]))
            site.check(f"{name} is {'' if bad else 'not '}on the list ({crl})", listed == bad, texts[crl])


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


def check_pkilint(site):
    """Gives the codes of what was found and accepted."""
    looked, used = 0, set()
    issued = [certificate["file"] for certificate in site.certificates]
    certificates = [*issued, "issuing", "root"]
    judged = [(name, "lint_pkix_cert", [f"{name}.pem"]) for name in certificates]
    judged += [
        (f"{signed} by {signer}", "lint_pkix_signer_signee_cert_chain", [f"{signer}.pem", f"{signed}.pem"])
        for signer, signed in [*(("issuing", name) for name in issued), ("root", "issuing"), ("root", "root")]
    ]
    judged += [(f"list {name}", "lint_crl", [f"{name}.crl"]) for name in LISTS]
    for what, program, names in judged:
        more = ["--type", "CRL", "--profile", "PKIX"] if program == "lint_crl" else []
        found = findings(program, *more, *[site.file(name) for name in names])
        looked += len(found)
        grave = [finding for finding in found if finding[0] != "INFO"]
        used |= {finding[1] for finding in grave}
        left = [finding for finding in grave if finding[1] not in ACCEPTED]
        site.check(f"pkilint finds nothing in {what}", not left, left)
    # It notes how key identifiers were made, of each certificate: had it looked at nothing, this would not be here.
    site.check("pkilint has looked", looked >= len(certificates), looked)
    return used


def check_that_judges_judge(site):
    """A certificate with one bit of its signature turned, and one that lasts too long, do not pass."""
    text = site.path(f"{site.certificates[0]['file']}.pem").read_text()
    lines = text.splitlines()
    place = len(lines) - 3
    lines[place] = lines[place][:-9] + ("A" if lines[place][-9] != "A" else "B") + lines[place][-8:]
    site.path("tampered.pem").write_text("\n".join(lines) + "\n")
    code, said = verified(site, "tampered.pem")
    site.check("OpenSSL refuses a certificate that was tampered with", code != 0, said)
    key, bad = site.file("bad.key"), site.file("bad.pem")
    run("openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "9",
        "-subj", "/CN=no key usage", "-keyout", key, "-out", bad)
    found = [finding for finding in findings("lint_pkix_cert", bad) if finding[0] == "ERROR"]
    site.check("pkilint finds a CA without key usage", found, found)


# ---- papers and mail


def text_of(pdf):
    """As poppler reads it, without spaces: where a line is broken is the type-setter's."""
    return "".join(run("pdftotext", "-raw", str(pdf), "-")[1].split())


def codes_of(pdf):
    """What the QR codes on all pages say, read as a phone's camera would."""
    name = f"{pdf.stem}-page"
    run("pdftoppm", "-r", "150", "-png", str(pdf), str(pdf.with_name(name)))
    pictures = sorted(pdf.parent.glob(f"{name}-*.png"))
    words = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]
    said = [subprocess.run([*words, str(picture)], capture_output=True, text=True, timeout=120) for picture in pictures]
    return [line for done in said for line in done.stdout.splitlines()]


def filled(template, typed):
    """The text of a definition with what people typed, without spaces; and names that nobody has typed for."""
    unknown = [name for name in re.findall(r"\{([^{}]+)\}", template) if name not in typed]
    text = re.sub(r"\{([^{}]+)\}", lambda found: typed.get(found[1], ""), template)
    return "".join(text.split()), unknown


def wanted(document, paper, services):
    """What a document's blocks have to say on paper: words, codes, pages, and what is not known how to judge."""
    words, codes, pages, unknown = [], [], 1, []

    def add(template):
        text, missing = filled(template, paper["typed"])
        words.append(text)
        unknown.extend(missing)

    add(document["title"])
    for block in document["blocks"]:
        kind, content = next(iter(block.items())) if isinstance(block, dict) else (block, None)
        if kind in ("Heading", "Paragraph", "Note"):
            add(content)
        elif kind == "Table":
            for row in content:
                add(row["label"])
                add(row["text"])
        elif kind == "Signatures":
            for label in content:
                add(label)
        elif kind == "Stamps":
            for box in content:
                add(box["label"])
        elif kind == "NumberQr":
            codes.append(paper["number"])
            words.append(paper["number"])
        elif kind == "IdentityQr":
            codes.append(paper["phones"][content])
        elif kind == "OrderCases":
            titles = [service["title"] for service in services
                      if document["id"] in [receipt["document"] for receipt in service["receipts"]]]
            words.extend("".join(part.split()) for case in paper["cases"] for part in case)
            # The case is of one of the services that name this receipt.
            words.append(titles)
        elif kind == "PageBreak":
            pages += 1
        else:
            unknown.append(kind)
    return words, codes, pages, unknown


def check_papers(site, facts):
    for paper in site.papers:
        described = facts["documents"][paper["plugin"]]
        document = next(of for of in described["documents"] if of["id"] == paper["document"])
        what = f"{paper['plugin']}'s {document['title']}"
        pdf = site.path(paper["file"])
        words, codes, pages, unknown = wanted(document, paper, described["services"])
        site.check(f"it is known what {what} has to say", words and not unknown, unknown)
        text = text_of(pdf)
        missing = [word for word in words
                   if not any(one in text for one in (word if isinstance(word, list) else [word]))]
        site.check(f"pdftotext reads all of {what}", not missing, (missing, text))
        seen = codes_of(pdf)
        lost = [code for code in codes if not any(said.endswith(code) for said in seen)]
        site.check(f"zbar reads {len(codes)} codes on {what}", not lost and len(seen) == len(codes), (codes, seen))
        said = run("pdfinfo", str(pdf))[1]
        count = re.search(r"Pages:\s+(\d+)", said)
        site.check(f"{what} has its pages", count and int(count[1]) >= pages, said)
        site.check(f"{what} is on A4", re.search(r"Page size:.*\(A4\)", said), said)
        fonts = run("pdffonts", str(pdf))[1].splitlines()[2:]
        embedded = [line.split()[-5] for line in fonts]
        site.check(f"{what} brings its fonts along", embedded and set(embedded) == {"yes"}, fonts)


def check_mail(folder, facts, mails):
    to, invoice = facts["invoice"]["email"], (folder / "fujian" / "invoice.pdf").read_bytes()
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
    text = text_of(folder / "fujian" / "invoice.pdf")
    check("pdftotext reads the invoice", facts["invoice"]["amount"] in text, text)


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
        check_that_all_is_there(facts)
        used = set()
        issuers = {site["id"]: site["issuer"] for site in sites() if "issuer" in site}
        for name, of in facts["sites"].items():
            site = Site(name, folder, of)
            split_chain(site)
            check_certificates(site, issuers[name])
            check_lists(site)
            used |= check_pkilint(site)
            check_that_judges_judge(site)
            check_papers(site, facts)
        check("nothing is accepted that pkilint does not find", set(ACCEPTED) <= used, set(ACCEPTED) - used)
    print(f"{failures} checks failed" if failures else "all checks hold")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
