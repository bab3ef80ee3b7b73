//! Files that are small as they are sent and become large for whoever opens them without care.

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

pub const MEBIBYTE: usize = 1 << 20;

/// A file that is small as it is sent.
pub struct Bomb {
    pub name: &'static str,
    pub make: fn() -> Vec<u8>,
    /// What it may take of memory, all in all. A picture as large as is allowed takes 400 MB.
    pub most_bytes: usize,
    /// How the sentence begins that its sender is told; none where the picture in it is good and only what stands around it
    /// is not.
    pub refused: Option<&'static str>,
}

/// Those that are not refused have a picture of so many pixels each way.
pub const EDGE: u32 = 300;

/// All of them are less than a mebibyte, which every place for a scan takes.
pub const BOMBS: [Bomb; 10] = [
    Bomb {
        name: "20000.png",
        make: || png(20_000, 20_000, &[], &packed_zeros(MEBIBYTE)),
        most_bytes: 16 * MEBIBYTE,
        refused: Some("图片有 20000×20000 像素，超过 100 百万像素的上限。"),
    },
    Bomb {
        name: "wide.png",
        make: || png(2_147_483_647, 300, &[], &packed_zeros(MEBIBYTE)),
        most_bytes: 16 * MEBIBYTE,
        refused: Some("图片打不开"),
    },
    Bomb {
        name: "high.png",
        make: || png(300, 1_000_000, &[], &packed_zeros(MEBIBYTE)),
        most_bytes: 16 * MEBIBYTE,
        refused: Some("图片有 300×1000000 像素，超过 100 百万像素的上限。"),
    },
    Bomb {
        name: "short.png",
        make: || png(9_000, 9_000, &[], &packed_zeros(1000)),
        // Room for the pixels is made before it is seen that they are not there.
        most_bytes: 128 * MEBIBYTE,
        refused: Some("图片打不开"),
    },
    // Comments and colour profiles are packed too, and nobody here wants them.
    Bomb {
        name: "text.png",
        make: || small_with(vec![chunk(b"zTXt", &after(b"a\0\0", 50)); 16]),
        most_bytes: 16 * MEBIBYTE,
        refused: None,
    },
    Bomb {
        name: "international.png",
        make: || small_with(vec![chunk(b"iTXt", &after(b"a\0\x01\0\0\0", 50)); 16]),
        most_bytes: 16 * MEBIBYTE,
        refused: None,
    },
    Bomb {
        name: "profile.png",
        make: || small_with(vec![chunk(b"iCCP", &after(b"a\0\0", 900))]),
        most_bytes: 16 * MEBIBYTE,
        refused: None,
    },
    Bomb {
        name: "says-65535.bmp",
        make: bmp,
        most_bytes: 16 * MEBIBYTE,
        refused: Some("图片有 65535×65535 像素，超过 100 百万像素的上限。"),
    },
    Bomb {
        name: "says-65535.jpg",
        make: jpeg,
        most_bytes: 16 * MEBIBYTE,
        refused: Some("图片有 65535×65535 像素，超过 100 百万像素的上限。"),
    },
    // Where no archive is asked for it is refused by its kind.
    Bomb {
        name: "archives.zip",
        make: || zip_bomb(2),
        most_bytes: 16 * MEBIBYTE,
        refused: Some("这是 ZIP 文件，只收 "),
    },
];

/// Zeros, a hundred MiB of them in a hundred kilobytes; and that again as a file of another archive.
pub fn zip_bomb(levels: u32) -> Vec<u8> {
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

pub fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let named = [kind.as_slice(), content].concat();
    [&length, named.as_slice(), &crc32(&named).to_be_bytes()].concat()
}

/// Zeros as zlib packs them.
pub fn packed_zeros(count: usize) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive
        .start_file("z", SimpleFileOptions::default())
        .unwrap();
    let zeros = vec![0; MEBIBYTE.min(count)];
    let mut left = count;
    while left > 0 {
        let now = left.min(zeros.len());
        archive.write_all(&zeros[..now]).unwrap();
        left -= now;
    }
    let archive = archive.finish().unwrap().into_inner();
    // Between the local header with its one letter and the directory lies the deflated stream.
    let from = 30 + 1;
    let end = archive
        .windows(4)
        .position(|window| window == b"PK\x01\x02")
        .unwrap();
    // Adler-32 of zeros: the low half stays 1, the high half counts them.
    let high = u32::try_from(count % 65_521).unwrap();
    let adler = (high << 16 | 1).to_be_bytes();
    [&[0x78, 0xda], &archive[from..end], &adler].concat()
}

/// So many mebibytes of zeros, packed, behind the head of a chunk.
fn after(head: &[u8], mebibytes: usize) -> Vec<u8> {
    [head, &packed_zeros(mebibytes * MEBIBYTE)].concat()
}

/// Grey, eight bits a pixel, with chunks of any kind between the header and the picture.
pub fn png(width: u32, height: u32, between: &[Vec<u8>], pixels: &[u8]) -> Vec<u8> {
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 0, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(chunk(b"IHDR", &header));
    bytes.extend(between.concat());
    bytes.extend(chunk(b"IDAT", pixels));
    bytes.extend(chunk(b"IEND", &[]));
    bytes
}

/// A good picture, with something in front of it.
pub fn small_with(between: Vec<Vec<u8>>) -> Vec<u8> {
    // One byte a line says how the line is filtered.
    let bytes = EDGE as usize * (EDGE as usize + 1);
    png(EDGE, EDGE, &between, &packed_zeros(bytes))
}

/// The header of a BMP of 65535 by 65535, and hardly a pixel.
fn bmp() -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    for word in [400_u32, 0, 54, 40, 65_535, 65_535] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([1, 0, 24, 0]); // planes, bits a pixel
    bytes.resize(400, 0);
    bytes
}

/// The header of a JPEG of 65535 by 65535 in colour, and no pixel.
fn jpeg() -> Vec<u8> {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0".to_vec();
    bytes.extend(b"\xff\xdb\0\x43\0");
    bytes.extend([1; 64]);
    bytes.extend(b"\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03\x01\x11\0\x02\x11\0\x03\x11\0");
    bytes.extend(b"\xff\xda\0\x0c\x03\x01\0\x02\0\x03\0\0\x3f\0");
    bytes.extend([0; 100]);
    bytes.extend(b"\xff\xd9");
    bytes
}
