"""Third-party clients against the simulated SMS providers, the simulated mailbox and courier.

    python messages.py [--binary PATH]

Starts `yinxin-simulators` on free ports and in a folder of its own, sends with the providers' own clients
(`alibabacloud_dysmsapi20170525`, `tencentcloud-sdk-python-sms`) and with Python's `smtplib`, prints each check, and exits
with 1 when one fails.
"""

import argparse
import datetime
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from email.message import EmailMessage

from alibabacloud_dysmsapi20170525 import models as aliyun_models
from alibabacloud_dysmsapi20170525.client import Client as AliyunClient
from alibabacloud_tea_openapi import models as openapi_models
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models as tencent_models
from tencentcloud.sms.v20210111 import sms_client

ALIYUN_KEY_ID = "LTAIsimulator"
TENCENT_KEY_ID = "AKIDsimulator"
MOBILE = "13800001234"

failures = 0


def check(what, holds, seen=None):
    """Prints one check; `seen` is shown when it does not hold."""
    global failures
    print(("ok    " if holds else "FAILED") + "  " + what)
    if not holds:
        failures += 1
        print("        seen:", seen)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(base, path, body=None):
    """A request to the simulators; a body makes it a POST of JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def aliyun(port, secret, key_id=ALIYUN_KEY_ID):
    config = openapi_models.Config(
        access_key_id=key_id,
        access_key_secret=secret,
        endpoint=f"127.0.0.1:{port}",
        protocol="http",
        connect_timeout=5000,
        read_timeout=5000,
    )
    return AliyunClient(config)


def aliyun_send(client, template="SMS_1001", mobile=MOBILE, parameters='{"code":"482913"}'):
    request = aliyun_models.SendSmsRequest(
        phone_numbers=mobile,
        sign_name="江西CA",
        template_code=template,
        template_param=parameters,
        out_id="own-number-1",
    )
    return client.send_sms(request).body


def aliyun_refusal(what, code, client):
    """The client raises what the provider refuses by status."""
    try:
        body = aliyun_send(client)
        check(what, False, body)
    except Exception as error:  # the client's own hierarchy changes between versions
        check(what, code in str(error) or code == getattr(error, "code", ""), error)


def tencent(port, secret, key_id=TENCENT_KEY_ID):
    http = HttpProfile(protocol="http", endpoint=f"127.0.0.1:{port}", reqTimeout=5)
    return sms_client.SmsClient(
        credential.Credential(key_id, secret), "ap-guangzhou", ClientProfile(httpProfile=http)
    )


def tencent_send(client, template="2002", mobile="+86" + MOBILE, parameters=("482913", "5")):
    request = tencent_models.SendSmsRequest()
    request.PhoneNumberSet = [mobile]
    request.SmsSdkAppId = "1400006666"
    request.SignName = "江西CA"
    request.TemplateId = template
    request.TemplateParamSet = list(parameters)
    request.SessionContext = "own-number-2"
    return client.SendSms(request).SendStatusSet[0]


def tencent_refusal(what, code, client):
    try:
        check(what, False, tencent_send(client))
    except TencentCloudSDKException as error:
        check(what, error.get_code() == code, error)


def check_aliyun(base, port, secret):
    client = aliyun(port, secret)
    sent = aliyun_send(client)
    check("Aliyun's client sends", sent.code == "OK" and sent.biz_id, sent)
    text = call(base, "/control/sms")[-1]
    check("its text arrives", text["text"] == "【江西CA】您的验证码是482913。", text)
    check("with its parameters", text["parameters"] == [["code", "482913"]], text)
    check("and our number", text["reference"] == "own-number-1", text)

    today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).strftime("%Y%m%d")
    query = aliyun_models.QuerySendDetailsRequest(
        phone_number=MOBILE, send_date=today, page_size=10, current_page=1
    )
    found = client.query_send_details(query).body
    details = found.sms_send_detail_dtos.sms_send_detail_dto
    check("Aliyun's client finds it", [d.out_id for d in details] == ["own-number-1"], found)

    before = len(call(base, "/control/sms"))
    aliyun_refusal("a wrong secret is refused", "SignatureDoesNotMatch", aliyun(port, "wrong"))
    aliyun_refusal("an unknown key is refused", "InvalidAccessKeyId.NotFound", aliyun(port, secret, "LTAIother"))
    for what, code, arguments in [
        ("an unknown template", "isv.SMS_TEMPLATE_ILLEGAL", {"template": "SMS_9"}),
        ("a wrong number", "isv.MOBILE_NUMBER_ILLEGAL", {"mobile": "12345"}),
        ("a missing parameter", "isv.TEMPLATE_MISSING_PARAMETERS", {"parameters": "{}"}),
        ("no JSON", "isv.INVALID_JSON_PARAM", {"parameters": "code"}),
        ("a long parameter", "isv.PARAM_LENGTH_LIMIT", {"parameters": json.dumps({"code": "长" * 36})}),
    ]:
        sent = aliyun_send(client, **arguments)
        check(f"{what} is refused", sent.code == code, sent)
    check("and nothing arrives", len(call(base, "/control/sms")) == before)


def signed_by_hand(secret, date=None, nonce="nonce-by-hand-0001", leave_out=()):
    """An Aliyun request made by hand, to sign what the client never would."""
    date = date or datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": None,
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": empty,
        "x-acs-date": date,
        "x-acs-signature-nonce": nonce,
        "x-acs-version": "2017-05-25",
    }

    def post(base):
        headers["host"] = base.removeprefix("http://")
        names = [name for name in sorted(headers) if name not in leave_out]
        lines = "".join(f"{name}:{headers[name]}\n" for name in names)
        canonical = f"POST\n/\n\n{lines}\n{';'.join(names)}\n{empty}"
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        authorization = (
            f"ACS3-HMAC-SHA256 Credential={ALIYUN_KEY_ID},SignedHeaders={';'.join(names)},Signature={signature}"
        )
        connection = http.client.HTTPConnection(headers["host"], timeout=10)
        sent = {name: value for name, value in headers.items() if name != "host"}
        connection.request("POST", "/", b"", sent | {"Authorization": authorization})
        return json.loads(connection.getresponse().read())["Code"]

    return post


def check_by_hand(base, secret):
    """Strictness that the official client cannot show."""
    code = signed_by_hand(secret)(base)
    check("a request signed by hand passes the signature", code == "isv.MOBILE_NUMBER_ILLEGAL", code)
    code = signed_by_hand(secret)(base)
    check("a nonce counts once", code == "SignatureNonceUsed", code)
    code = signed_by_hand(secret, date="2020-01-01T00:00:00Z", nonce="nonce-by-hand-0002")(base)
    check("an old date is refused", code == "InvalidTimeStamp.Expired", code)
    code = signed_by_hand(secret, nonce="nonce-by-hand-0003", leave_out=("x-acs-action",))(base)
    check("an unsigned x-acs header is refused", code == "IncompleteSignature", code)


def check_tencent(base, port, secret):
    client = tencent(port, secret)
    sent = tencent_send(client)
    check("Tencent's client sends", sent.Code == "Ok" and sent.SerialNo, sent)
    text = call(base, "/control/sms")[-1]
    check("its text arrives", text["text"] == "【江西CA】验证码482913，5分钟内有效。", text)

    pull = tencent_models.PullSmsSendStatusByPhoneNumberRequest()
    pull.BeginTime, pull.Offset, pull.Limit = int(time.time()) - 60, 0, 10
    pull.PhoneNumber, pull.SmsSdkAppId = "+86" + MOBILE, "1400006666"
    found = client.PullSmsSendStatusByPhoneNumber(pull).PullSmsSendStatusSet
    check("Tencent's client finds it", [f.SessionContext for f in found] == ["own-number-2"], found)

    before = len(call(base, "/control/sms"))
    tencent_refusal("a wrong secret is refused", "AuthFailure.SignatureFailure", tencent(port, "wrong"))
    tencent_refusal("an unknown key is refused", "AuthFailure.SecretIdNotFound", tencent(port, secret, "AKIDother"))
    for what, code, arguments in [
        ("an unknown template", "FailedOperation.TemplateIncorrectOrUnapproved", {"template": "9"}),
        ("a wrong number", "InvalidParameterValue.IncorrectPhoneNumber", {"mobile": "+8612345"}),
        (
            "a missing parameter",
            "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
            {"parameters": ("482913",)},
        ),
        (
            "a parameter too many",
            "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
            {"parameters": ("482913", "5", "6")},
        ),
    ]:
        sent = tencent_send(client, **arguments)
        check(f"{what} is refused", sent.Code == code, sent)
    check("and nothing arrives", len(call(base, "/control/sms")) == before)


def check_mail(base, smtp_port):
    mail = EmailMessage()
    mail["Subject"] = "电子发票已开具"
    mail["From"] = "江西CA <noreply@ca.example.cn>"
    mail["To"] = "zhang@example.cn"
    mail.set_content("请查收附件。\n.\n完")
    mail.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="电子发票.pdf")
    for mechanism in ("auth_plain", "auth_login"):
        with smtplib.SMTP("127.0.0.1", smtp_port, timeout=10) as server:
            server.ehlo()
            server.user, server.password = "ca", "any"
            server.auth(mechanism.removeprefix("auth_").upper(), getattr(server, mechanism))
            server.send_message(mail)
    letters = call(base, "/control/mail")
    check("smtplib hands mails over, by PLAIN and by LOGIN", len(letters) == 2, letters)
    letter = letters[-1]
    check("the subject is read", letter["subject"] == "电子发票已开具", letter)
    check("a line with a dot stays", "\n.\n完" in letter["text"].replace("\r\n", "\n"), letter)
    attachment = letter["attachments"][0]
    check("the attachment has its name", attachment["name"] == "电子发票.pdf", attachment)
    with urllib.request.urlopen(base + attachment["url"], timeout=10) as answer:
        check("and its content", answer.read() == b"%PDF-1.7")
    call(base, "/control/mail/mode", {"mode": "error"})
    try:
        with smtplib.SMTP("127.0.0.1", smtp_port, timeout=10) as server:
            server.send_message(mail)
        check("a busy server says so", False)
    except smtplib.SMTPDataError as error:
        check("a busy server says so", error.smtp_code == 451, error)


class Listener(http.server.BaseHTTPRequestHandler):
    """Keeps what the courier tells and acknowledges it."""

    news = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Listener.news.append((self.path, dict(self.headers.items()), body))
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"success")

    def log_message(self, *arguments):
        pass


def signature(secret, timestamp, nonce, method, path, body):
    message = f"{timestamp}\n{nonce}\n{method}\n{path}\n".encode() + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def signed_call(base, key_id, secret, method, path, body=b"", nonce=None, timestamp=None):
    """A request signed as the face check and the courier want it: status, headers, body."""
    nonce = nonce or os.urandom(16).hex()
    timestamp = timestamp or str(int(time.time()))
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=10)
    connection.request(method, path, body, {
        "Content-Type": "application/json",
        "X-Key-Id": key_id,
        "X-Timestamp": timestamp,
        "X-Nonce": nonce,
        "X-Signature": signature(secret, timestamp, nonce, method, path, body),
    })
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def genuine(secret, headers, method, path, body):
    headers = {name.lower(): value for name, value in headers.items()}
    expected = signature(secret, headers["x-timestamp"], headers["x-nonce"], method, path, body)
    return headers["x-signature"] == expected


def news_after(count):
    for _ in range(50):
        if len(Listener.news) > count:
            break
        time.sleep(0.1)
    return Listener.news[count:]


def check_courier(base, secret):
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    path, key_id = "/courier/v1/tracks", "courier-simulator"
    body = json.dumps({
        "tracking_number": "SF1234567890", "notify_url": f"http://127.0.0.1:{listener.server_port}/news",
    }).encode()
    for what, arguments in [
        ("a wrong secret", {"secret": "wrong"}),
        ("an unknown key", {"key_id": "other"}),
        ("an old timestamp", {"timestamp": "1700000000"}),
    ]:
        status, _, _ = signed_call(**{"base": base, "key_id": key_id, "secret": secret, "method": "POST",
                                      "path": path, "body": body} | arguments)
        check(f"the courier refuses {what}", status == 401, status)
    nonce = os.urandom(16).hex()
    status, headers, answer = signed_call(base, key_id, secret, "POST", path, body, nonce)
    check("a waybill is registered", status == 200 and json.loads(answer)["state"] == "registered", answer)
    check("its answer is signed", genuine(secret, headers, "ANSWER", path, answer), headers)
    check("for this request", headers["x-nonce"] == nonce, headers)
    status, _, _ = signed_call(base, key_id, secret, "POST", path, body, nonce)
    check("a request counts once", status == 401, status)

    call(base, "/control/courier/move", {"tracking_number": "SF1234567890", "state": "delivered"})
    [(seen, headers, body)] = news_after(0)
    check("delivery is told, signed", genuine(secret, headers, "POST", seen, body), headers)
    news = json.loads(body)
    check("of this waybill", (news["tracking_number"], news["state"]) == ("SF1234567890", "delivered"), news)
    call(base, "/control/courier/mode", {"mode": "forge"})
    call(base, "/control/courier/move", {"tracking_number": "SF1234567890", "state": "delivered"})
    [(seen, headers, body)] = news_after(1)
    check("a forged one has a wrong signature", not genuine(secret, headers, "POST", seen, body), headers)
    status, _, answer = signed_call(base, key_id, secret, "GET", path + "/SF1234567890")
    check("the waybill can be asked for", json.loads(answer)["state"] == "delivered", answer)


def check_pages(base):
    for path, word in [("/", "模拟服务"), ("/sms", "482913"), ("/mail", "电子发票已开具"), ("/face", "人脸核验"),
                       ("/courier", "SF1234567890")]:
        with urllib.request.urlopen(base + path, timeout=10) as answer:
            page = answer.read().decode()
        check(f"the page {path} shows {word}", word in page, page[:400])


def main():
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(target, "debug", "yinxin-simulators"))
    arguments = parser.parse_args()
    port, smtp_port = free_port(), free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as state:
        simulators = subprocess.Popen([
            arguments.binary, "--listen", f"127.0.0.1:{port}", "--smtp-listen", f"127.0.0.1:{smtp_port}",
            "--state-dir", state,
        ], stdout=subprocess.DEVNULL)
        try:
            for _ in range(300):
                try:
                    call(base, "/control/sms")
                    break
                except urllib.error.URLError:
                    time.sleep(0.1)
            secret = lambda name: (pathlib.Path(state) / name).read_text().strip()
            call(base, "/control/sms/templates", [
                {"provider": "aliyun", "code": "SMS_1001", "text": "您的验证码是${code}。"},
                {"provider": "tencent", "code": "2002", "text": "验证码{1}，{2}分钟内有效。"},
            ])
            check_aliyun(base, port, secret("aliyun-sms.secret"))
            check_by_hand(base, secret("aliyun-sms.secret"))
            check_tencent(base, port, secret("tencent-sms.secret"))
            check_mail(base, smtp_port)
            check_courier(base, secret("courier.secret"))
            check_pages(base)
        finally:
            simulators.terminate()
            simulators.wait()
    print(f"{failures} checks failed" if failures else "all checks hold")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
