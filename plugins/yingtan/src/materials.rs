//! What is uploaded (manual row J-5).

use crate::MAIN;
use yinxin_sdk::definition::{Bytes, Material, material};

/// Reasons that any scan can be refused for.
const UNREADABLE: &str = "图片不清晰，请重新扫描后上传。";
const NO_SEAL: &str = "没有加盖公章原章，或公章不清晰。";
const DIFFERS: &str = "内容与填写的申请信息不一致。";

pub fn all() -> [Material; 5] {
    [
        material("application-form", "数字证书用户申请表")
            .hint("用本申请下载的表单打印，加盖公章后扫描。")
            .images(1.mib())
            .template("application-form")
            .reasons([
                UNREADABLE,
                NO_SEAL,
                DIFFERS,
                "不是本申请的申请表，请重新下载。",
            ]),
        material("business-licence", "营业执照")
            .hint("电子营业执照；或执照副本 1:1 复印、加盖公章后的扫描件。")
            .images(1.mib())
            .reasons([UNREADABLE, NO_SEAL, DIFFERS, "营业执照已过有效期。"]),
        material("handler-id-card", "经办人身份证")
            .hint("正反两面 1:1 复印，在空白处加盖公章后扫描。")
            .images(1.mib())
            .sides(["人像面", "国徽面"])
            .reasons([UNREADABLE, NO_SEAL, DIFFERS, "身份证已过有效期。"]),
        material("authorisation-letter", "法定代表人授权委托书")
            .hint("用本申请下载的委托书打印，加盖公章，并由法定代表人盖章或签名后扫描。")
            .images(1.mib())
            .template("authorisation-letter")
            .reasons([
                UNREADABLE,
                NO_SEAL,
                "缺少法定代表人的章或亲笔签名。",
                "不是本申请的委托书，请重新下载。",
            ]),
        material("seal-sheet", "签章采集表")
            .hint("在空白框内加盖印章原章，印模清晰、无杂质、无底色。")
            .images(1.mib())
            .shown_when("lock-kind", [MAIN])
            .template("seal-sheet")
            .reasons([
                "印模不清晰或不完整，请重新盖章。",
                "印模有杂质或底色。",
                "法定代表人签名不是楷书。",
            ]),
    ]
}
