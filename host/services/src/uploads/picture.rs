//! Reads a picture within bounds, turns it upright and makes what the clerk looks at.

use super::Refusal;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage,
};
use std::borrow::Cow;
use std::io::Cursor;

/// Shorter side in pixels. An identity card at 150 dpi is 320 pixels high; below, nobody reads it.
const LEAST_EDGE: u32 = 300;
/// An A3 sheet at 600 dpi is 70 million; the decoded picture stands in memory.
const MOST_MEGAPIXELS: u32 = 100;
/// 100 million pixels of four bytes.
const MOST_DECODED_BYTES: u64 = 400_000_000;
/// Longer side of the clerk's view: an A4 sheet at 200 dpi, in which small print is read.
const VIEW_EDGE: u32 = 2400;
const THUMBNAIL_EDGE: u32 = 240;
/// Small print stays free of artefacts, a page is about 600 KB.
const VIEW_QUALITY: u8 = 85;
const THUMBNAIL_QUALITY: u8 = 75;

/// Chunks of a PNG that make the picture, and the one that says how the camera was held. The others are packed texts, times
/// and colour profiles: the decoder would unpack them, hundreds of megabytes from one, and nobody here looks at them.
const PNG_CHUNKS: [&[u8]; 6] = [b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"];

pub(super) struct Picture {
    /// Pixels of the original, upright.
    pub(super) width: u32,
    pub(super) height: u32,
    /// JPEG without metadata.
    pub(super) view: Vec<u8>,
    pub(super) thumbnail: Vec<u8>,
}

const UNREADABLE: Refusal = Refusal::Unreadable { kind: "图片" };

pub(super) fn read(bytes: &[u8], format: ImageFormat) -> Result<Picture, Refusal> {
    if format == ImageFormat::Jpeg && is_cut_off(bytes) {
        return Err(UNREADABLE);
    }
    let bytes = match format {
        ImageFormat::Png => Cow::Owned(bare_png(bytes)),
        _ => Cow::Borrowed(bytes),
    };
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(&*bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| UNREADABLE)?;
    let (width, height) = decoder.dimensions();
    let too_many = Refusal::TooManyPixels {
        width,
        height,
        millions: MOST_MEGAPIXELS,
    };
    if u64::from(width) * u64::from(height) > u64::from(MOST_MEGAPIXELS) * 1_000_000
        || decoder.total_bytes() > MOST_DECODED_BYTES
    {
        return Err(too_many);
    }
    if width.min(height) < LEAST_EDGE {
        return Err(Refusal::TooSmall {
            width,
            height,
            least: LEAST_EDGE,
        });
    }
    // A camera that was held sideways says so in the metadata, which the view does not carry.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| match error {
        image::ImageError::Limits(_) => too_many,
        _ => UNREADABLE,
    })?;
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width(), picture.height());
    if width.max(height) > 2 * VIEW_EDGE {
        // Averages in integers. The filter below has a copy of the whole width in floats: seconds of a core and half a
        // gigabyte for a few kilobytes of compressed white.
        picture = picture.thumbnail(VIEW_EDGE, VIEW_EDGE);
    } else if width.max(height) > VIEW_EDGE {
        picture = picture.resize(VIEW_EDGE, VIEW_EDGE, FilterType::Triangle);
    }
    let page = on_white(picture);
    let thumbnail = DynamicImage::ImageRgb8(page.clone())
        .thumbnail(THUMBNAIL_EDGE, THUMBNAIL_EDGE)
        .to_rgb8();
    Ok(Picture {
        width,
        height,
        view: jpeg(&page, VIEW_QUALITY)?,
        thumbnail: jpeg(&thumbnail, THUMBNAIL_QUALITY)?,
    })
}

/// A PNG with nothing but [`PNG_CHUNKS`]. What cannot be read as a chunk stays, for the decoder to refuse.
fn bare_png(bytes: &[u8]) -> Vec<u8> {
    const SIGNATURE: usize = 8;
    let (signature, mut rest) = bytes.split_at(bytes.len().min(SIGNATURE));
    let mut bare = signature.to_vec();
    while let Some((chunk, after)) = first_chunk(rest) {
        let kind = chunk.get(4..8);
        if PNG_CHUNKS.iter().any(|known| kind == Some(known)) {
            bare.extend_from_slice(chunk);
        }
        rest = after;
    }
    bare.extend_from_slice(rest);
    bare
}

/// A chunk (length of its content, kind, content, checksum), and what follows.
fn first_chunk(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_be_bytes(*bytes.first_chunk()?);
    let whole = usize::try_from(length).ok()?.checked_add(12)?;
    bytes.split_at_checked(whole)
}

/// Paper is white where a picture is transparent.
fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let layer = picture.into_rgba8();
    let mut page = RgbImage::new(layer.width(), layer.height());
    for (below, above) in page.pixels_mut().zip(layer.pixels()) {
        let [red, green, blue, alpha] = above.0.map(u32::from);
        let over_white = |colour: u32| {
            u8::try_from((colour * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
        };
        below.0 = [over_white(red), over_white(green), over_white(blue)];
    }
    page
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode(
            picture,
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .map_err(|_| UNREADABLE)?;
    Ok(bytes)
}

/// The decoder paints what is missing of a JPEG grey and says nothing. In the compressed data no marker can occur, so a
/// whole picture has its end (FF D9) after the last start of a scan (FF DA).
fn is_cut_off(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    match (last([0xFF, 0xDA]), last([0xFF, 0xD9])) {
        (Some(scan), Some(end)) => end < scan,
        _ => true,
    }
}
