//! What is said to the person whose file was not taken: which item, why, and what to do.

use std::fmt;
use yinxin_core::definition::{FileFormat, Material};

const MEBIBYTE: u64 = 1 << 20;

/// A refusal with the item that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadProblem {
    /// As the page calls it.
    pub item: String,
    pub refusal: Refusal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Empty,
    /// bytes
    TooLarge {
        size: u64,
        limit: u64,
    },
    WrongFormat {
        /// Extension of the name, lower case, or empty.
        extension: String,
        /// What the content is, in words.
        found: String,
        accepted: Vec<FileFormat>,
    },
    /// Pixels of the picture, and of the shorter side that it needs.
    TooSmall {
        width: u32,
        height: u32,
        least: u32,
    },
    /// Pixels of the picture, and how many million it may have.
    TooManyPixels {
        width: u32,
        height: u32,
        millions: u32,
    },
    /// Damaged or cut off.
    Unreadable {
        kind: &'static str,
    },
    /// The PDF asks for a password.
    Locked,
    TooManyEntries {
        limit: usize,
    },
    NoSuchPlace {
        places: u32,
    },
}

impl UploadProblem {
    pub(super) fn new(item: String, refusal: Refusal) -> Self {
        Self { item, refusal }
    }
}

impl std::error::Error for UploadProblem {}

impl fmt::Display for UploadProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}”：{}", self.item, self.refusal)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("文件是空的。请重新选择文件。"),
            Self::TooLarge { size, limit } => write!(
                f,
                "文件 {}，超过 {} 的上限。请降低扫描分辨率或压缩后再上传。",
                size_above(*size, *limit),
                size_text(*limit)
            ),
            Self::WrongFormat {
                extension,
                found,
                accepted,
            } => {
                let claims_accepted = accepted
                    .iter()
                    .any(|format| extensions(*format).contains(&extension.as_str()));
                let accepted: Vec<&str> = accepted.iter().copied().map(format_name).collect();
                let accepted = accepted.join("、");
                if claims_accepted {
                    write!(
                        f,
                        "文件名以 .{extension} 结尾，内容却是 {found}。只收 {accepted} 格式；请另存为这种格式，只改文件名没有用。"
                    )
                } else {
                    write!(
                        f,
                        "这是 {found} 文件，只收 {accepted} 格式。请另存为这种格式后再上传。"
                    )
                }
            }
            Self::TooSmall {
                width,
                height,
                least,
            } => write!(
                f,
                "图片只有 {width}×{height} 像素，看不清楚。短边至少 {least} 像素，请用更高的分辨率重新扫描或拍摄。"
            ),
            Self::TooManyPixels {
                width,
                height,
                millions,
            } => write!(
                f,
                "图片有 {width}×{height} 像素，超过 {millions} 百万像素的上限。请降低扫描分辨率后再上传。"
            ),
            Self::Unreadable { kind } => {
                write!(
                    f,
                    "{kind}打不开，可能没有传完整或已损坏。请在电脑上确认能打开，再重新上传。"
                )
            }
            Self::Locked => f.write_str("PDF 设有密码。请去掉密码后再上传。"),
            Self::TooManyEntries { limit } => {
                write!(f, "压缩包里的文件超过 {limit} 个。请只放需要的材料。")
            }
            Self::NoSuchPlace { places } => write!(f, "最多上传 {places} 个文件。"),
        }
    }
}

/// The material's title, with the caption of the place where it has several.
pub(super) fn place_title(material: &Material, position: u32) -> String {
    let caption = usize::try_from(position)
        .ok()
        .and_then(|position| material.captions.get(position));
    match caption {
        Some(caption) if material.files > 1 => format!("{}（{caption}）", material.title),
        _ => material.title.clone(),
    }
}

fn extensions(format: FileFormat) -> &'static [&'static str] {
    match format {
        FileFormat::Jpeg => &["jpg", "jpeg"],
        FileFormat::Png => &["png"],
        FileFormat::Bmp => &["bmp"],
        FileFormat::Pdf => &["pdf"],
        FileFormat::Zip => &["zip"],
        FileFormat::Rar => &["rar"],
    }
}

fn format_name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Jpeg => "JPG",
        FileFormat::Png => "PNG",
        FileFormat::Bmp => "BMP",
        FileFormat::Pdf => "PDF",
        FileFormat::Zip => "ZIP",
        FileFormat::Rar => "RAR",
    }
}

/// `1 MB`, `1.5 MB`, `300 KB`.
fn size_text(bytes: u64) -> String {
    if bytes < MEBIBYTE {
        return format!("{} KB", bytes.div_ceil(1024));
    }
    tenths_text((bytes * 10 + MEBIBYTE / 2) / MEBIBYTE)
}

/// The size of a file above the limit, rounded up where rounding would hide the difference.
fn size_above(bytes: u64, limit: u64) -> String {
    let text = size_text(bytes);
    if text == size_text(limit) {
        tenths_text((bytes * 10).div_ceil(MEBIBYTE))
    } else {
        text
    }
}

fn tenths_text(tenths: u64) -> String {
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} MB"),
        (whole, tenth) => format!("{whole}.{tenth} MB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_above_the_limit_never_reads_like_the_limit() {
        let text = |size, limit| Refusal::TooLarge { size, limit }.to_string();
        assert!(text(1_153_434, MEBIBYTE).starts_with("文件 1.1 MB，超过 1 MB 的上限。"));
        assert!(text(MEBIBYTE + 1, MEBIBYTE).starts_with("文件 1.1 MB，超过 1 MB 的上限。"));
        assert!(text(21 * MEBIBYTE, 20 * MEBIBYTE).starts_with("文件 21 MB，超过 20 MB 的上限。"));
        assert!(text(600 * 1024, 512 * 1024).starts_with("文件 600 KB，超过 512 KB 的上限。"));
    }

    #[test]
    fn a_renamed_file_is_told_apart_from_a_wrong_one() {
        let text = |extension: &str| {
            Refusal::WrongFormat {
                extension: extension.into(),
                found: "PDF".into(),
                accepted: vec![FileFormat::Jpeg, FileFormat::Png],
            }
            .to_string()
        };
        assert_eq!(
            text("jpg"),
            "文件名以 .jpg 结尾，内容却是 PDF。只收 JPG、PNG 格式；请另存为这种格式，只改文件名没有用。"
        );
        assert_eq!(
            text("pdf"),
            "这是 PDF 文件，只收 JPG、PNG 格式。请另存为这种格式后再上传。"
        );
    }
}
