//! Files that are small and become large, or deep, for whoever opens them without care.

use super::format;
use super::{Refusal, picture};
use image::ImageFormat;
use std::io::{Cursor, Write};
use yinxin_core::definition::FileFormat;
use zip::write::SimpleFileOptions;

const MEBIBYTE: usize = 1 << 20;
const ALL: [FileFormat; 6] = [
    FileFormat::Jpeg,
    FileFormat::Png,
    FileFormat::Bmp,
    FileFormat::Pdf,
    FileFormat::Zip,
    FileFormat::Rar,
];

fn examined(bytes: &[u8]) -> Result<format::Content, Refusal> {
    format::examine(bytes, "file", 20 << 20, &ALL)
}

/// Zeros, a hundred MiB of them in a hundred kilobytes; and that again as a file of another archive.
fn zip_bomb(levels: u32) -> Vec<u8> {
    let mut content = vec![0; 100 * MEBIBYTE];
    for _ in 0..levels {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for copy in 0..3 {
            let name = format!("{copy}.zip");
            archive
                .start_file(name, SimpleFileOptions::default())
                .unwrap();
            archive.write_all(&content).unwrap();
        }
        content = archive.finish().unwrap().into_inner();
    }
    content
}

#[test]
fn an_archive_of_archives_of_zeros_is_listed_as_it_is() {
    let bomb = zip_bomb(2);
    assert!(bomb.len() < MEBIBYTE, "{}", bomb.len());
    let content = examined(&bomb).unwrap();
    assert_eq!(content.listing, ["0.zip", "1.zip", "2.zip"]);
}

#[test]
fn an_archive_that_lies_about_its_size_is_refused_or_listed_and_never_read() {
    let honest = zip_bomb(1);
    let end = honest
        .windows(4)
        .rposition(|window| window == b"PK\x05\x06")
        .unwrap();
    // The number of entries, the length of the directory, and where it begins.
    for (at, length) in [(8, 2), (10, 2), (12, 4), (16, 4)] {
        for byte in [0x00, 0x7f, 0xff] {
            let mut lie = honest.clone();
            lie[end + at..end + at + length].fill(byte);
            if let Ok(content) = examined(&lie) {
                assert!(content.listing.len() <= 3, "{at} {byte}");
            }
        }
    }
    // All of the lengths in the directory's own entries.
    let directory = honest
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    for at in (20..42).step_by(2) {
        let mut lie = honest.clone();
        lie[directory + at..directory + at + 2].fill(0xff);
        if let Ok(content) = examined(&lie) {
            assert!(content.listing.len() <= 3, "{at}");
        }
    }
}

/// ISO 3309, as PNG uses it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let named = [kind.as_slice(), content].concat();
    [&length, named.as_slice(), &crc32(&named).to_be_bytes()].concat()
}

/// Zeros as zlib packs them.
fn packed_zeros(count: usize) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file("z", SimpleFileOptions::default())
        .unwrap();
    archive.write_all(&vec![0; count]).unwrap();
    let archive = archive.finish().unwrap().into_inner();
    // Between the local header with its one letter and the directory lies the deflated stream.
    let from = 30 + 1;
    let end = archive
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    let (mut low, mut high) = (1_u32, 0_u32);
    for _ in 0..count {
        low %= 65_521;
        high = (high + low) % 65_521;
    }
    let adler = (high << 16 | low).to_be_bytes();
    [&[0x78, 0xda], &archive[from..end], &adler].concat()
}

/// Grey, eight bits a pixel, with chunks of any kind between the header and the picture.
fn png(width: u32, height: u32, between: &[Vec<u8>], pixels: &[u8]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(chunk(b"IHDR", &header));
    bytes.extend(between.concat());
    bytes.extend(chunk(b"IDAT", pixels));
    bytes.extend(chunk(b"IEND", &[]));
    bytes
}

#[test]
fn a_picture_of_four_hundred_million_pixels_is_refused_unread() {
    for (width, height) in [(20_000, 20_000), (2_147_483_647, 300), (300, 1_000_000)] {
        let bomb = png(width, height, &[], &packed_zeros(MEBIBYTE));
        let refused = picture::read(&bomb, ImageFormat::Png).err().unwrap();
        assert!(
            matches!(
                refused,
                Refusal::TooManyPixels { .. } | Refusal::Unreadable { .. }
            ),
            "{width} by {height}: {refused:?}"
        );
    }
}

/// Comments and colour profiles are packed too, and nobody here wants them.
#[test]
fn what_stands_around_a_picture_does_not_become_large() {
    let zeros = packed_zeros(50 * MEBIBYTE);
    let pixels = packed_zeros(301 * 300);
    let text = chunk(b"zTXt", &[b"a\0\0", zeros.as_slice()].concat());
    let international = chunk(b"iTXt", &[b"a\0\x01\0\0\0", zeros.as_slice()].concat());
    let profile = chunk(b"iCCP", &[b"a\0\0", zeros.as_slice()].concat());
    for between in [vec![text; 40], vec![international; 40], vec![profile]] {
        let bomb = png(300, 300, &between, &pixels);
        // What it takes of memory is measured at the running server, by the suite `security`.
        let picture = picture::read(&bomb, ImageFormat::Png).unwrap();
        assert_eq!((picture.width, picture.height), (300, 300));
    }
    assert!(picture::read(&png(300, 300, &[], &pixels), ImageFormat::Png).is_ok());
}

/// Less than it says: the rest is not made up.
#[test]
fn a_picture_that_ends_before_its_pixels_is_refused() {
    let bomb = png(9_000, 9_000, &[], &packed_zeros(1000));
    let refused = picture::read(&bomb, ImageFormat::Png).err();
    assert!(
        matches!(refused, Some(Refusal::Unreadable { .. })),
        "{refused:?}"
    );
}

/// A PDF is not parsed here; what is looked for is found without following anything.
#[test]
fn a_deep_pdf_is_kept_as_it_is() {
    let depth = 500_000;
    let mut nested = b"%PDF-1.7\n1 0 obj".to_vec();
    nested.extend(b"<</A".repeat(depth));
    nested.extend(b">>".repeat(depth));
    nested.extend(b"endobj\n%%EOF");
    let content = examined(&nested).unwrap();
    assert_eq!(content.media_type, "application/pdf");
    let mut circle = b"%PDF-1.7\n1 0 obj<</Kids[1 0 R]/Length 1 0 R>>endobj\n".to_vec();
    circle.extend(b"/".repeat(MEBIBYTE));
    circle.extend(b"\n%%EOF");
    assert!(examined(&circle).is_ok());
}
