//! Pictures as a scanner makes them.

use image::{ImageFormat, Rgb, RgbImage};
use std::io::Cursor;

/// A4 at a low resolution with some lines on it; `number` makes each one another file.
pub fn sheet(number: u64) -> Vec<u8> {
    picture(620, 877, number)
}

/// One side of an identity card.
pub fn card(number: u64) -> Vec<u8> {
    picture(640, 404, number)
}

fn picture(width: u32, height: u32, number: u64) -> Vec<u8> {
    let shade = |x: u32, y: u32| {
        let line = y % 40 < 3 && x > 60 && x < width - 60 && (u64::from(x) * 7 + number) % 31 > 4;
        if line { 40 } else { 250 }
    };
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb([shade(x, y); 3]));
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, ImageFormat::Jpeg)
        .expect("a picture in memory");
    bytes.into_inner()
}
