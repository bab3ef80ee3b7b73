//! What is uploaded (manual rows F-3 and F-11).

use yinxin_sdk::definition::{Bytes, FileFormat, Material, material};

const FORMATS: [FileFormat; 4] = [
    FileFormat::Jpeg,
    FileFormat::Png,
    FileFormat::Bmp,
    FileFormat::Pdf,
];
const UNREADABLE: &str = "扫描件不清晰或不完整，请重新扫描后上传。";
const DIFFERS: &str = "内容与填写的信息不一致。";
const EXPIRED_CARD: &str = "身份证已过有效期。";

pub fn all() -> [Material; 3] {
    [
        material("business-licence", "营业执照")
            .hint("正本或副本的彩色扫描件，四角完整、文字清晰；电子执照可以直接上传 PDF。")
            .formats(FORMATS, 2.mib())
            .reasons([UNREADABLE, DIFFERS, "营业执照已过有效期或已注销。"]),
        material("handler-id-card", "经办人身份证")
            .hint("正反两面各一个文件。")
            .formats(FORMATS, 2.mib())
            .sides(["人像面", "国徽面"])
            .reasons([UNREADABLE, DIFFERS, EXPIRED_CARD, "不是经办人的身份证。"]),
        material("id-card", "本人身份证")
            .hint("正反两面各一个文件。")
            .formats(FORMATS, 2.mib())
            .sides(["人像面", "国徽面"])
            .reasons([UNREADABLE, DIFFERS, EXPIRED_CARD]),
    ]
}
