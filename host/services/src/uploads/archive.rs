//! Names of what is in a ZIP archive. Nothing is ever unpacked: the names stand in the central directory.

use super::Refusal;
use std::io::Cursor;
use zip::ZipArchive;

/// Files in an archive of application papers; an honest one has a dozen.
const MOST_ENTRIES: usize = 500;
/// Characters of one name that are shown.
const NAME_LIMIT: usize = 200;
/// The end record (22 bytes) and the longest comment behind it (APPNOTE.TXT 4.3.16).
const END_SEARCH: usize = 22 + 65_535;

const UNREADABLE: Refusal = Refusal::Unreadable { kind: "压缩包" };
const TOO_MANY: Refusal = Refusal::TooManyEntries {
    limit: MOST_ENTRIES,
};

pub(super) fn names_in_zip(bytes: &[u8]) -> Result<Vec<String>, Refusal> {
    // The reader takes the whole directory into memory, some hundred bytes an entry; ask how many first.
    if entries_declared(bytes).ok_or(UNREADABLE)? > MOST_ENTRIES {
        return Err(TOO_MANY);
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| UNREADABLE)?;
    if archive.len() > MOST_ENTRIES {
        return Err(TOO_MANY);
    }
    let mut names = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|_| UNREADABLE)?;
        names.push(name(entry.name_raw()));
    }
    Ok(names)
}

/// Total number of entries in the end-of-central-directory record; 65,535 stands for "more", as ZIP64 has it.
fn entries_declared(bytes: &[u8]) -> Option<usize> {
    let from = bytes.len().saturating_sub(END_SEARCH);
    let tail = bytes.get(from..)?;
    let record = tail
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")?;
    let count = tail.get(record + 10..record + 12)?;
    Some(usize::from(u16::from_le_bytes(count.try_into().ok()?)))
}

/// Chinese Windows writes names in GB 18030 without saying so.
fn name(raw: &[u8]) -> String {
    let text = match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::GB18030.decode(raw).0.into_owned(),
    };
    text.chars()
        .filter(|c| !c.is_control())
        .take(NAME_LIMIT)
        .collect()
}
