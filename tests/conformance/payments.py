"""Third-party clients against the simulated payment providers, and as judges of their notifications.

    python payments.py [--binary PATH]

Starts `yinxin-simulators` on free ports and in a folder of its own, plays merchant with PyPI's `wechatpayv3` and
`python-alipay-sdk`, prints each check, and exits with 1 when one fails.
"""

import argparse
import datetime
import hashlib
import http.server
import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

from alipay import AliPay
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from wechatpayv3 import WeChatPay, WeChatPayType

MCHID = "1900000001"
APPID = "wxd678efh567hg6787"
MERCHANT_SERIAL = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
PLATFORM_KEY_ID = "PUB_KEY_ID_0119000000012026010100000000000001"
ALIPAY_APP_ID = "2021000000000001"

failures = 0


def check(what, holds, seen=None):
    """Prints one check; `seen` is shown when it does not hold."""
    global failures
    print(("ok    " if holds else "FAILED") + "  " + what)
    if not holds:
        failures += 1
        print("        seen:", seen)


class Merchant(http.server.BaseHTTPRequestHandler):
    """Keeps what the provider posts and acknowledges it as the provider wants."""

    letters = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Merchant.letters.append((self.path, dict(self.headers.items()), body))
        answer = b"success" if self.path.startswith("/alipay") else b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


def letters(path, least=1):
    """The notifications to `path` so far, waiting until there are `least`."""
    for _ in range(100):
        found = [letter for letter in Merchant.letters if letter[0] == path]
        if len(found) >= least:
            return found
        time.sleep(0.1)
    return []


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def control(base, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def bills_of_today(base, provider):
    """Has the provider make the bill of the day that is not over; the day in China."""
    data = json.dumps({"ready_hour": -1}).encode()
    request = urllib.request.Request(f"{base}/control/{provider}/bills", data, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=20).close()
    return datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date().isoformat()


def strangers_keys():
    """A private key that no provider knows, and its public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def refuses(ask):
    """True when the client takes no answer: it raises, or says by itself that the signature is wrong."""
    try:
        code, answer = ask()
    except Exception as error:
        return bool(error)
    return code != 200 or not answer


def wechat(base, merchant, keys):
    platform = (keys / "platform.pub").read_text()
    strangers, strangers_public = strangers_keys()

    def client(private_key, platform=platform):
        pay = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=MCHID,
            private_key=private_key,
            cert_serial_no=MERCHANT_SERIAL,
            apiv3_key=(keys / "apiv3.key").read_text().strip(),
            appid=APPID,
            notify_url=merchant + "/wechat",
            public_key=platform,
            public_key_id=PLATFORM_KEY_ID,
        )
        pay._core._gate_way = base
        return pay

    pay = client((keys / "merchant.key").read_text())

    def order(number, total=22000):
        code, answer = pay.pay(description="数字证书", out_trade_no=number, amount={"total": total})
        return code, json.loads(answer)

    code, first = order("conform001")
    check("wechat: native order gives a code", code == 200 and first["code_url"].startswith("weixin://"), first)
    check("wechat: the same order gives the same code", order("conform001")[1] == first)
    code, answer = order("conform001", 1)
    check("wechat: the number with another amount is refused", (code, answer.get("code")) == (403, "OUT_TRADE_NO_USED"), answer)
    code, answer = client(strangers).pay(description="x", out_trade_no="conform002", amount={"total": 1})
    check("wechat: a stranger's signature is refused", code == 401 and "SIGN_ERROR" in answer, answer)
    code, answer = pay.query(out_trade_no="conform001")
    check("wechat: unpaid order is NOTPAY", json.loads(answer)["trade_state"] == "NOTPAY", answer)
    misled = client((keys / "merchant.key").read_text(), strangers_public)
    check("wechat: the client refuses an answer that the platform has not signed",
          refuses(lambda: misled.query(out_trade_no="conform001")))
    code, answer = pay.query(out_trade_no="conform999")
    check("wechat: unknown order is ORDER_NOT_EXIST", code == 404 and "ORDER_NOT_EXIST" in answer, answer)

    for mode in ("forge", "signtest"):
        control(base, "/control/wechat/pay", {"out_trade_no": "conform001", "mode": mode})
        _, headers, body = letters("/wechat")[-1]
        check(f"wechat: the client refuses a notification of mode {mode}", not verdict(pay, headers, body))
    code, answer = pay.query(out_trade_no="conform001")
    check("wechat: a forged notification pays nothing", json.loads(answer)["trade_state"] == "NOTPAY", answer)

    seen = len(letters("/wechat"))
    control(base, "/control/wechat/pay", {"code_url": first["code_url"], "mode": "repeat"})
    _, headers, body = letters("/wechat", seen + 3)[-1]
    notice = verdict(pay, headers, body)
    check("wechat: the client takes the notification", notice and notice["resource"]["out_trade_no"] == "conform001", notice)
    check("wechat: its amount is integer fen", notice and notice["resource"]["amount"]["total"] == 22000, notice)
    ids = {json.loads(letter[2])["id"] for letter in letters("/wechat")[seen:]}
    check("wechat: a repeated notification has the same id", len(ids) == 1, ids)
    check("wechat: a tampered notification is refused", not verdict(pay, headers, body.replace(b"TRANSACTION", b"TRANSACTI0N")))
    code, answer = pay.query(out_trade_no="conform001")
    paid = json.loads(answer)
    check("wechat: paid order is SUCCESS", paid["trade_state"] == "SUCCESS", paid)
    code, answer = pay.query(transaction_id=paid["transaction_id"])
    check("wechat: query by transaction", json.loads(answer) == paid, answer)
    code, answer = pay.close(out_trade_no="conform001")
    check("wechat: a paid order cannot be closed", code == 400 and "ORDERPAID" in answer, answer)

    refund = {"out_refund_no": "refund001", "out_trade_no": "conform001", "reason": "撤销申请",
              "notify_url": merchant + "/wechat-refund", "amount": {"refund": 22000, "total": 22000, "currency": "CNY"}}
    code, answer = pay.refund(**refund)
    check("wechat: a refund is PROCESSING at first", code == 200 and json.loads(answer)["status"] == "PROCESSING", answer)
    refund_id = json.loads(answer)["refund_id"]
    code, answer = pay.refund(**refund)
    check("wechat: the same refund is not made twice", code == 200 and json.loads(answer)["refund_id"] == refund_id, answer)
    code, answer = pay.refund(**{**refund, "out_refund_no": "refund002"})
    check("wechat: more than was paid is refused", code == 403 and "NOT_ENOUGH" in answer, answer)
    _, headers, body = letters("/wechat-refund")[-1]
    notice = verdict(pay, headers, body)
    check("wechat: the client takes the refund's notification", notice and notice["event_type"] == "REFUND.SUCCESS", notice)
    check("wechat: it names the refund in fen",
          notice and (notice["resource"]["out_refund_no"], notice["resource"]["amount"]["refund"]) == ("refund001", 22000), notice)
    check("wechat: a tampered notification of a refund is refused", not verdict(pay, headers, body.replace(b"SUCCESS", b"CLOSED")))
    code, answer = pay.query_refund("refund001")
    check("wechat: the refund is SUCCESS in the end", json.loads(answer)["status"] == "SUCCESS", answer)

    order("conform003")
    code, _ = pay.close(out_trade_no="conform003")
    check("wechat: an unpaid order is closed", code == 204, code)
    code, answer = pay.query(out_trade_no="conform003")
    check("wechat: and says so", json.loads(answer)["trade_state"] == "CLOSED", answer)
    code, answer = order("conform003")
    check("wechat: a closed number is not opened again", code == 400 and answer["code"] == "ORDER_CLOSED", answer)

    code, answer = pay.trade_bill("2026-01-01", tar_type="")
    check("wechat: no bill of long ago", code == 400, answer)
    code, answer = pay.trade_bill(bills_of_today(base, "wechat"), tar_type="")
    place = json.loads(answer)
    check("wechat: a bill has a signed address and hash", code == 200 and place["hash_type"] == "SHA1", answer)
    code, file = pay.download_bill(place["download_url"])
    file = file if isinstance(file, bytes) else file.encode()
    check("wechat: the bill fits its hash", code == 200 and hashlib.sha1(file).hexdigest() == place["hash_value"], file)
    rows = file.decode("utf-8-sig").splitlines()
    names = rows[0].split(",")
    lines = [dict(zip(names, row.lstrip("`").split(",`"))) for row in rows[1:3]]
    check("wechat: the bill has payment and refund", [line["交易状态"] for line in lines] == ["SUCCESS", "REFUND"], rows)
    check("wechat: the bill's amounts are yuan", (lines[0]["订单金额"], lines[1]["申请退款金额"]) == ("220.00", "220.00"), lines)
    try:
        unsigned = urllib.request.urlopen(place["download_url"], timeout=20).status
    except urllib.error.HTTPError as error:
        unsigned = error.code
    check("wechat: a bill is not given to somebody who does not sign", unsigned != 200, unsigned)

    replayed = replay(base, pay)
    check("wechat: a request cannot be sent twice", replayed == [404, 401], replayed)


def verdict(pay, headers, body):
    """The client's opinion of a notification: its content, or nothing."""
    try:
        return pay.callback({name.title(): value for name, value in headers.items()}, body)
    except Exception:
        return None


def replay(base, pay):
    """Status of a request and of its exact repetition."""
    from wechatpayv3.utils import build_authorization

    path = f"/v3/pay/transactions/out-trade-no/none001?mchid={MCHID}"
    credentials = build_authorization(path, "GET", MCHID, MERCHANT_SERIAL, pay._core._private_key)
    statuses = []
    for _ in range(2):
        request = urllib.request.Request(base + path, headers={"Authorization": credentials, "Accept": "application/json"})
        try:
            statuses.append(urllib.request.urlopen(request, timeout=20).status)
        except urllib.error.HTTPError as error:
            statuses.append(error.code)
    return statuses


def alipay(base, merchant, keys):
    platform = (keys / "platform.pub").read_text()
    strangers, strangers_public = strangers_keys()

    def client(private_key, platform=platform):
        pay = AliPay(
            appid=ALIPAY_APP_ID,
            app_notify_url=merchant + "/alipay",
            app_private_key_string=private_key,
            alipay_public_key_string=platform,
            sign_type="RSA2",
        )
        pay._gateway = base + "/gateway.do"
        return pay

    pay = client((keys / "app.key").read_text())

    def order(number, amount="220.00"):
        return pay.api_alipay_trade_precreate(subject="数字证书", out_trade_no=number, total_amount=amount)

    first = order("conform001")
    check("alipay: precreate gives a code", first["code"] == "10000" and first["qr_code"].startswith("https://qr."), first)
    check("alipay: the same order gives the same code", order("conform001") == first)
    answer = order("conform001", "1.00")
    check("alipay: the number with another amount is refused", answer["sub_code"] == "ACQ.CONTEXT_INCONSISTENT", answer)
    try:
        seen = client(strangers).api_alipay_trade_query(out_trade_no="conform001")
    except Exception as error:
        seen = str(error)
    check("alipay: a stranger's signature is refused", "isv.invalid-signature" in str(seen), seen)
    misled = client((keys / "app.key").read_text(), strangers_public)
    check("alipay: the client refuses an answer that the platform has not signed",
          refuses(lambda: (200, misled.api_alipay_trade_query(out_trade_no="conform001"))))
    answer = pay.api_alipay_trade_query(out_trade_no="conform001")
    check("alipay: before the scan there is no trade", answer["sub_code"] == "ACQ.TRADE_NOT_EXIST", answer)
    urllib.request.urlopen(base + "/alipay/scan?" + urllib.parse.urlencode({"code_url": first["qr_code"]}), timeout=20)
    answer = pay.api_alipay_trade_query(out_trade_no="conform001")
    check("alipay: after the scan it is WAIT_BUYER_PAY", answer["trade_status"] == "WAIT_BUYER_PAY", answer)

    def judge(letter):
        fields = dict(urllib.parse.parse_qsl(letter[2].decode(), keep_blank_values=True))
        sign = fields.pop("sign")
        return fields, pay.verify(dict(fields), sign), pay.verify({**fields, "total_amount": "0.01"}, sign)

    control(base, "/control/alipay/pay", {"out_trade_no": "conform001", "mode": "forge"})
    check("alipay: the client refuses a forged notification", not judge(letters("/alipay")[-1])[1])
    control(base, "/control/alipay/pay", {"out_trade_no": "conform001", "mode": "normal"})
    fields, taken, tampered = judge(letters("/alipay", 2)[-1])
    check("alipay: the client takes the notification", taken and fields["trade_status"] == "TRADE_SUCCESS", fields)
    check("alipay: a tampered notification is refused", not tampered)
    check("alipay: amounts are yuan with two places", fields["total_amount"] == "220.00", fields)
    answer = pay.api_alipay_trade_query(out_trade_no="conform001")
    check("alipay: the trade is TRADE_SUCCESS", answer["trade_status"] == "TRADE_SUCCESS", answer)
    answer = pay.api_alipay_trade_close(out_trade_no="conform001")
    check("alipay: a paid trade cannot be closed", answer.get("sub_code") == "ACQ.TRADE_STATUS_ERROR", answer)

    answer = pay.api_alipay_trade_refund("20.00", out_trade_no="conform001", out_request_no="refund001")
    check("alipay: 10000 is not the end of a refund", (answer["code"], answer["fund_change"]) == ("10000", "N"), answer)
    answer = pay.api_alipay_trade_refund("20.00", out_trade_no="conform001", out_request_no="refund001")
    check("alipay: the same refund is not made twice", (answer["code"], answer["refund_fee"]) == ("10000", "20.00"), answer)
    status = None
    for _ in range(50):
        answer = pay.api_alipay_trade_fastpay_refund_query("refund001", out_trade_no="conform001")
        status = answer.get("refund_status")
        if status:
            break
        time.sleep(0.1)
    check("alipay: the refund query says REFUND_SUCCESS", (status, answer.get("refund_amount")) == ("REFUND_SUCCESS", "20.00"), answer)
    answer = pay.api_alipay_trade_refund("300.00", out_trade_no="conform001", out_request_no="refund002")
    check("alipay: more than was paid is refused", answer["code"] == "40004", answer)

    second = order("conform002")
    urllib.request.urlopen(base + "/alipay/scan?" + urllib.parse.urlencode({"code_url": second["qr_code"]}), timeout=20)
    answer = pay.api_alipay_trade_close(out_trade_no="conform002")
    check("alipay: an unpaid trade is closed", answer["code"] == "10000", answer)
    answer = pay.api_alipay_trade_query(out_trade_no="conform002")
    check("alipay: and says so", answer["trade_status"] == "TRADE_CLOSED", answer)

    def bill(day):
        return pay.server_api("alipay.data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": day})

    today = bills_of_today(base, "alipay")
    quiet = datetime.date.fromisoformat(today) - datetime.timedelta(days=1)
    answer = bill(quiet.isoformat())
    check("alipay: a day without trades has no bill", answer.get("sub_code") == "isp.bill_not_exist", answer)
    answer = bill(today)
    check("alipay: a bill has an address", answer["code"] == "10000", answer)
    with urllib.request.urlopen(answer["bill_download_url"], timeout=20) as opened:
        archive = zipfile.ZipFile(io.BytesIO(opened.read()), metadata_encoding="gbk")
    details = next(name for name in archive.namelist() if name.endswith("_业务明细.csv"))
    rows = archive.read(details).decode("gbk").splitlines()
    lines = [row.split(",") for row in rows if row and not row.startswith("#")][1:]
    kinds = [(line[2].strip(), line[11]) for line in lines]
    check("alipay: the bill has payment and refund", kinds == [("交易", "220.00"), ("退款", "-20.00")], rows)


def main():
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(target, "debug", "yinxin-simulators"))
    arguments = parser.parse_args()
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Merchant)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    merchant = f"http://127.0.0.1:{listener.server_port}"
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as state:
        simulators = subprocess.Popen([
            arguments.binary, "--listen", f"127.0.0.1:{port}",
            "--smtp-listen", f"127.0.0.1:{free_port()}", "--state-dir", state,
        ], stdout=subprocess.DEVNULL)
        try:
            for _ in range(300):
                try:
                    control(base, "/control/wechat/trades")
                    break
                except OSError:
                    time.sleep(0.1)
            wechat(base, merchant, pathlib.Path(state, "wechat"))
            alipay(base, merchant, pathlib.Path(state, "alipay"))
        finally:
            simulators.terminate()
            simulators.wait()
    print(f"{failures} failed" if failures else "all hold")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
