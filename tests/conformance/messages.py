"""The SMS providers' own clients, and Python's mail library, against the simulated providers.

    python messages.py [--binary PATH]

Starts `yinxin-simulators` on free ports and in a folder of its own, sends with `alibabacloud_dysmsapi20170525`,
`tencentcloud-sdk-python-sms` and `smtplib`, reads back what arrived, and exits with 1 when something does not hold.
"""

import argparse
import email.message
import json
import os
import pathlib
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from alibabacloud_dysmsapi20170525 import models as aliyun_models
from alibabacloud_dysmsapi20170525.client import Client as AliyunClient
from alibabacloud_tea_openapi import models as openapi_models
from Tea.exceptions import TeaException
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models as tencent_models
from tencentcloud.sms.v20210111 import sms_client

ALIYUN_KEY_ID = "LTAIsimulator"
TENCENT_KEY_ID = "AKIDsimulator"
SIGN = "江西数字证书"

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


def control(base, path, data=None):
    """Asks the simulators' control interface, which only tests and people use."""
    request = urllib.request.Request(base + path)
    if data is not None:
        request.data = json.dumps(data).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=20) as answer:
        body = answer.read()
    return json.loads(body) if body else None


def aliyun(base, secret):
    host = base.removeprefix("http://")

    def client(key_secret):
        return AliyunClient(openapi_models.Config(
            access_key_id=ALIYUN_KEY_ID, access_key_secret=key_secret, endpoint=host, protocol="http",
        ))

    def request(mobile="13812341234", template="SMS_2001", parameters=None):
        return aliyun_models.SendSmsRequest(
            phone_numbers=mobile, sign_name=SIGN, template_code=template,
            template_param=json.dumps(parameters or {"code": "123456"}), out_id="ours-1",
        )

    control(base, "/control/sms/templates", [
        {"provider": "aliyun", "code": "SMS_2001", "text": "验证码 ${code}，五分钟内有效。"},
    ])
    body = client(secret).send_sms(request()).body
    check("aliyun: its own client sends", body.code == "OK", body)
    arrived = control(base, "/control/sms?mobile=13812341234")
    check("aliyun: the text arrives whole", arrived[-1]["text"] == f"【{SIGN}】验证码 123456，五分钟内有效。", arrived)
    check("aliyun: our reference goes along", arrived[-1]["reference"] == "ours-1", arrived)

    body = client(secret).send_sms(request(mobile="12345")).body
    check("aliyun: a wrong number is refused", body.code == "isv.MOBILE_NUMBER_ILLEGAL", body)
    body = client(secret).send_sms(request(template="SMS_9999")).body
    check("aliyun: an unknown template is refused", body.code == "isv.SMS_TEMPLATE_ILLEGAL", body)
    body = client(secret).send_sms(request(parameters={"name": "x"})).body
    check("aliyun: a missing parameter is refused", body.code == "isv.TEMPLATE_MISSING_PARAMETERS", body)
    try:
        client("wrong").send_sms(request())
        check("aliyun: a wrong secret is refused", False, "it was taken")
    except TeaException as error:
        check("aliyun: a wrong secret is refused", error.code == "SignatureDoesNotMatch", error.code)


def tencent(base, secret):
    profile = ClientProfile()
    profile.httpProfile = HttpProfile(protocol="http", endpoint=base.removeprefix("http://"))

    def client(key_secret):
        return sms_client.SmsClient(credential.Credential(TENCENT_KEY_ID, key_secret), "ap-guangzhou", profile)

    def request(mobile="+8613912341234", template="2001", parameters=("123456", "5")):
        asked = tencent_models.SendSmsRequest()
        asked.PhoneNumberSet = [mobile]
        asked.SmsSdkAppId = "1400006666"
        asked.SignName = SIGN
        asked.TemplateId = template
        asked.TemplateParamSet = list(parameters)
        asked.SessionContext = "ours-2"
        return asked

    control(base, "/control/sms/templates", [
        {"provider": "tencent", "code": "2001", "text": "验证码 {1}，{2} 分钟内有效。"},
    ])
    status = client(secret).SendSms(request()).SendStatusSet[0]
    check("tencent: its own client sends", status.Code == "Ok", status)
    arrived = control(base, "/control/sms?mobile=13912341234")
    check("tencent: the text arrives whole", arrived[-1]["text"] == f"【{SIGN}】验证码 123456，5 分钟内有效。", arrived)

    status = client(secret).SendSms(request(mobile="+8612345")).SendStatusSet[0]
    check("tencent: a wrong number is refused", status.Code.endswith("IncorrectPhoneNumber"), status)
    status = client(secret).SendSms(request(parameters=("123456",))).SendStatusSet[0]
    check("tencent: a missing parameter is refused", "TemplateParamSetNotMatch" in status.Code, status)
    try:
        client("wrong").SendSms(request())
        check("tencent: a wrong secret is refused", False, "it was taken")
    except TencentCloudSDKException as error:
        check("tencent: a wrong secret is refused", error.code == "AuthFailure.SignatureFailure", error.code)


def mail(base, port):
    letter = email.message.EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "ca@example.com", "unit@example.com", "电子发票"
    letter.set_content("发票见附件。\n.\n以点开头的一行也要完整。")
    letter.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="发票.pdf")
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as server:
        server.login("ca", "secret")
        server.send_message(letter)
    arrived = control(base, "/control/mail")[-1]
    check("mail: the subject arrives whole", arrived["subject"] == "电子发票", arrived)
    check("mail: so do lines that begin with a dot", "\n.\n以点开头" in arrived["text"].replace("\r", ""), arrived)
    check("mail: so does the attachment's name", [a["name"] for a in arrived["attachments"]] == ["发票.pdf"], arrived)


def main():
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(target, "debug", "yinxin-simulators"))
    arguments = parser.parse_args()
    port, smtp_port = free_port(), free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as state:
        simulators = subprocess.Popen([
            arguments.binary, "--listen", f"127.0.0.1:{port}",
            "--smtp-listen", f"127.0.0.1:{smtp_port}", "--state-dir", state,
        ], stdout=subprocess.DEVNULL)
        try:
            for _ in range(300):
                try:
                    control(base, "/control/mail")
                    break
                except OSError:
                    time.sleep(0.1)
            aliyun(base, pathlib.Path(state, "aliyun-sms.secret").read_text().strip())
            tencent(base, pathlib.Path(state, "tencent-sms.secret").read_text().strip())
            mail(base, smtp_port)
        finally:
            simulators.terminate()
            simulators.wait()
    print(f"{failures} failed" if failures else "all hold")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
