//! Real pictures and archives against both databases.

use super::*;
use image::{DynamicImage, ImageFormat, ImageReader, Rgb, RgbImage, Rgba, RgbaImage};
use std::io::{Cursor, Write};
use yinxin_core::time::SystemClock;
use yinxin_store::testing::{TestStore, stores};

const MEBIBYTE: u64 = 1 << 20;

struct Desk {
    store: TestStore,
    uploads: Uploads,
    site: SiteId,
    case: CaseId,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(store: TestStore) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::folder(folder.path(), store.sealer.clone()).unwrap();
        let uploads = Uploads::new(
            store.store.clone(),
            store.sealer.clone(),
            blobs,
            Arc::new(SystemClock),
        );
        let site = SiteId::parse("jiangxi").unwrap();
        Self {
            store,
            uploads,
            site,
            case: CaseId::generate(),
            folder,
        }
    }

    async fn put(&self, position: u32, name: &str, bytes: &[u8]) -> Result<FileView, UploadError> {
        self.put_as(&card(), position, upload(name, bytes)).await
    }

    async fn put_as(
        &self,
        material: &Material,
        position: u32,
        upload: Upload,
    ) -> Result<FileView, UploadError> {
        let (uploads, site, case) = (&self.uploads, &self.site, &self.case);
        let taken = uploads.take(site, case, material, position, upload).await?;
        self.keep(&taken).await
    }

    async fn keep(&self, taken: &Taken) -> Result<FileView, UploadError> {
        let (uploads, site, case) = (&self.uploads, &self.site, &self.case);
        let mut tx = self.store.begin().await?;
        let file = uploads.keep(&mut tx, site, case, taken).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(file)
    }

    async fn standing(&self) -> Option<ItemStanding> {
        let mut conn = self.store.read().await.unwrap();
        let items = materials::items(&mut conn, &self.site, &self.case)
            .await
            .unwrap();
        items.first().map(|item| item.standing)
    }

    fn objects(&self) -> usize {
        fn count(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            entries
                .map(|path| if path.is_dir() { count(&path) } else { 1 })
                .sum()
        }
        count(self.folder.path())
    }
}

fn upload(name: &str, bytes: &[u8]) -> Upload {
    Upload {
        name: name.into(),
        bytes: Bytes::copy_from_slice(bytes),
        by: "account".into(),
    }
}

fn card() -> Material {
    Material {
        id: "card".into(),
        title: "经办人身份证".into(),
        hint: String::new(),
        formats: vec![FileFormat::Jpeg, FileFormat::Png, FileFormat::Bmp],
        max_bytes: MEBIBYTE,
        files: 2,
        captions: vec!["人像面".into(), "国徽面".into()],
        required: true,
        shown_when: None,
        template: None,
        refusal_reasons: Vec::new(),
    }
}

fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Left half red, right half blue.
fn two_halves(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 {
            Rgb([220, 20, 20])
        } else {
            Rgb([20, 20, 220])
        }
    })
}

fn decoded(bytes: Vec<u8>) -> RgbImage {
    ImageReader::with_format(Cursor::new(bytes), ImageFormat::Jpeg)
        .decode()
        .unwrap()
        .into_rgb8()
}

/// A JPEG whose camera was turned: EXIF orientation 6 is "turn by 90° clockwise to view".
fn turned(jpeg: &[u8]) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0".to_vec();
    exif.extend(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0");
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, &exif, &jpeg[2..]].concat()
}

fn refusal(result: Result<FileView, UploadError>) -> String {
    match result {
        Err(UploadError::Refused(problem)) => problem.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_scan_is_kept_as_it_came_and_shown_upright_without_metadata() {
    for store in stores().await {
        let desk = Desk::new(store);
        let scan = turned(&encoded(two_halves(800, 400), ImageFormat::Jpeg));
        let file = desk.put(0, r"C:\扫描\正面.jpg", &scan).await.unwrap();
        assert_eq!(
            (file.name.as_str(), file.media_type.as_str()),
            ("正面.jpg", "image/jpeg")
        );
        assert_eq!(
            (file.width, file.height, file.size),
            (400, 800, scan.len() as u64)
        );
        assert_eq!(
            desk.uploads
                .read_original(&desk.site, &file.id)
                .await
                .unwrap()
                .bytes,
            scan
        );
        let view = desk
            .uploads
            .clerk_view(&desk.site, &file.id)
            .await
            .unwrap()
            .bytes;
        assert!(!view.windows(4).any(|window| window == b"Exif"));
        let view = decoded(view);
        assert_eq!(view.dimensions(), (400, 800));
        let (top, bottom) = (view.get_pixel(200, 100), view.get_pixel(200, 700));
        assert!(
            top[0] > 180 && bottom[2] > 180,
            "turned clockwise, left is on top: {top:?} {bottom:?}"
        );
        let small = decoded(
            desk.uploads
                .thumbnail(&desk.site, &file.id)
                .await
                .unwrap()
                .bytes,
        );
        assert_eq!(small.dimensions(), (120, 240));
        let elsewhere = SiteId::parse("fujian").unwrap();
        assert!(
            desk.uploads
                .find(&elsewhere, &file.id)
                .await
                .unwrap()
                .is_none()
        );
        let foreign = desk.uploads.read_original(&elsewhere, &file.id).await;
        assert!(
            matches!(foreign, Err(StoreError::NotFound)),
            "{}",
            desk.store.name
        );
        assert_eq!(file.owner, Owner::Case(desk.case.clone()));
    }
}

#[tokio::test]
async fn replacing_one_side_keeps_the_other_and_a_refused_item_is_uploaded_again() {
    for store in stores().await {
        let desk = Desk::new(store);
        let scan = encoded(two_halves(400, 300), ImageFormat::Png);
        let front = desk.put(0, "a.png", &scan).await.unwrap();
        let back = desk.put(1, "b.png", &scan).await.unwrap();
        let refused = Item {
            reason: "反光".into(),
            ..item("card", ItemStanding::Refused, "clerk", Millis(1))
        };
        let mut tx = desk.store.begin().await.unwrap();
        materials::judge(&mut tx, &desk.site, &desk.case, &refused)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let new_front = desk.put(0, "c.png", &scan).await.unwrap();
        let files = desk.uploads.of_case(&desk.site, &desk.case).await.unwrap();
        let ids: Vec<_> = files
            .iter()
            .map(|placed| (placed.position, placed.file.id.clone()))
            .collect();
        assert_eq!(ids, [(0, new_front.id), (1, back.id.clone())]);
        assert_eq!(
            desk.standing().await,
            Some(ItemStanding::Uploaded),
            "{}",
            desk.store.name
        );
        assert!(
            desk.uploads
                .find(&desk.site, &front.id)
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(desk.objects(), 9);
        assert_eq!(
            desk.uploads.sweep(&desk.site).await.unwrap(),
            3,
            "what the first front left"
        );
        assert_eq!(desk.objects(), 6);
        assert!(
            desk.uploads
                .read_original(&desk.site, &back.id)
                .await
                .is_ok()
        );
        for position in [0, 1] {
            let mut tx = desk.store.begin().await.unwrap();
            desk.uploads
                .remove(&mut tx, &desk.site, &desk.case, "card", position, "account")
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(desk.standing().await, None);
        assert_eq!(desk.uploads.sweep(&desk.site).await.unwrap(), 6);
        assert_eq!(desk.objects(), 0);
    }
}

#[tokio::test]
async fn refusals_name_the_item_and_the_reason_and_leave_nothing_behind() {
    for store in stores().await {
        let desk = Desk::new(store);
        let put = async |position, name: &str, bytes: &[u8]| {
            refusal(desk.put(position, name, bytes).await)
        };
        let mut large = encoded(two_halves(400, 300), ImageFormat::Jpeg);
        large.resize(1_153_434, 0);
        assert_eq!(
            put(0, "a.jpg", &large).await,
            "“经办人身份证（人像面）”：文件 1.1 MB，超过 1 MB 的上限。请降低扫描分辨率或压缩后再上传。"
        );
        let pdf = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n";
        assert_eq!(
            put(1, "b.jpg", pdf).await,
            "“经办人身份证（国徽面）”：文件名以 .jpg 结尾，内容却是 PDF。只收 JPG、PNG、BMP 格式；请另存为这种格式，只改文件名没有用。"
        );
        assert!(
            put(0, "b.pdf", pdf)
                .await
                .contains("这是 PDF 文件，只收 JPG、PNG、BMP 格式")
        );
        assert!(
            put(0, "a.jpg", b"hello")
                .await
                .contains("内容却是 未知格式")
        );
        assert!(put(0, "a.jpg", b"").await.contains("文件是空的"));
        assert!(put(2, "a.jpg", pdf).await.contains("最多上传 2 个文件"));
        let small = encoded(two_halves(400, 200), ImageFormat::Png);
        assert!(put(0, "a.png", &small).await.contains("只有 400×200 像素"));
        let whole = encoded(two_halves(400, 300), ImageFormat::Jpeg);
        assert!(
            put(0, "a.jpg", &whole[..whole.len() / 2])
                .await
                .contains("图片打不开")
        );
        assert_eq!(desk.standing().await, None, "{}", desk.store.name);
        assert_eq!(desk.objects(), 0);
    }
}

#[test]
fn a_pixel_bomb_is_refused_before_it_is_decoded() {
    // A PNG header that promises 20,000 × 20,000 pixels, with its check sum.
    let mut header = b"IHDR".to_vec();
    header.extend([0, 0, 0x4E, 0x20, 0, 0, 0x4E, 0x20, 8, 2, 0, 0, 0]);
    let mut bomb = b"\x89PNG\r\n\x1A\n\0\0\0\x0D".to_vec();
    bomb.extend(&header);
    bomb.extend(crc32(&header).to_be_bytes());
    bomb.extend(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");
    let refused = picture::read(&bomb, ImageFormat::Png).err().unwrap();
    assert_eq!(
        refused,
        Refusal::TooManyPixels {
            width: 20_000,
            height: 20_000,
            millions: 100
        }
    );
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

#[test]
fn transparency_is_paper_and_large_scans_are_made_smaller() {
    let glass = RgbaImage::from_pixel(3000, 1500, Rgba([0, 0, 0, 0]));
    let picture = picture::read(&encoded(glass, ImageFormat::Png), ImageFormat::Png).unwrap();
    assert_eq!((picture.width, picture.height), (3000, 1500));
    let view = decoded(picture.view);
    assert_eq!(view.dimensions(), (2400, 1200));
    assert!(view.get_pixel(9, 9).0.iter().all(|colour| *colour > 250));
    let bitmap = picture::read(
        &encoded(two_halves(500, 400), ImageFormat::Bmp),
        ImageFormat::Bmp,
    )
    .unwrap();
    assert_eq!((bitmap.width, bitmap.height), (500, 400));
}

fn zipped(names: impl Iterator<Item = String>) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in names {
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(b"x").unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[tokio::test]
async fn an_archive_is_listed_and_never_unpacked() {
    for store in stores().await {
        let desk = Desk::new(store);
        let archive = Material {
            formats: vec![FileFormat::Zip, FileFormat::Rar],
            files: 1,
            ..card()
        };
        let put =
            async |name: &str, bytes: &[u8]| desk.put_as(&archive, 0, upload(name, bytes)).await;
        let names = ["申请表.jpg", "../../etc/passwd"].map(str::to_owned);
        let file = put("材料.zip", &zipped(names.clone().into_iter()))
            .await
            .unwrap();
        assert_eq!(file.listing, names);
        assert!(!file.is_picture);
        assert!(matches!(
            desk.uploads.clerk_view(&desk.site, &file.id).await,
            Err(StoreError::NotFound)
        ));
        let many = zipped((0..501).map(|index| format!("{index}.jpg")));
        assert!(refusal(put("多.zip", &many).await).contains("超过 500 个"));
        let mut cut = zipped(names.into_iter());
        cut.truncate(cut.len() - 30);
        assert!(refusal(put("坏.zip", &cut).await).contains("压缩包打不开"));
        let rar = put("材料.rar", b"Rar!\x1A\x07\x01\0....").await.unwrap();
        assert!(
            rar.listing.is_empty() && rar.note.contains("无法列出目录"),
            "{}",
            desk.store.name
        );
    }
}

#[tokio::test]
async fn a_clerk_attaches_a_whole_and_open_pdf_only() {
    for store in stores().await {
        let desk = Desk::new(store);
        let put = async |bytes: &[u8]| {
            let invoice = upload("发票.pdf", bytes);
            let taken = desk
                .uploads
                .take_attachment(&desk.site, &desk.case, invoice)
                .await?;
            desk.keep(&taken).await
        };
        let file = put(b"%PDF-1.7\ninvoice\n%%EOF").await.unwrap();
        assert_eq!(
            desk.uploads
                .read_original(&desk.site, &file.id)
                .await
                .unwrap()
                .bytes
                .len(),
            22
        );
        assert!(refusal(put(b"%PDF-1.7\ninvoice").await).contains("PDF打不开"));
        assert!(refusal(put(b"%PDF-1.7\n/Encrypt 1 0 R\n%%EOF").await).contains("设有密码"));
        desk.uploads.delete(&desk.site, &file.id).await.unwrap();
        assert!(
            desk.uploads
                .find(&desk.site, &file.id)
                .await
                .unwrap()
                .is_none()
        );
        let driver = upload("驱动.bin", &[7; 100]);
        let driver = desk
            .uploads
            .accept_content(&desk.site, driver)
            .await
            .unwrap();
        assert_eq!(
            (driver.owner, driver.media_type.as_str()),
            (Owner::Content, "application/octet-stream")
        );
    }
}

#[tokio::test]
async fn a_slip_belongs_to_its_order_and_is_what_a_bank_gives() {
    for store in stores().await {
        let desk = Desk::new(store);
        let order = OrderId::generate();
        let take = async |name: &str, bytes: &[u8]| {
            desk.uploads
                .take_of_order(
                    &desk.site,
                    &order,
                    "汇款底单",
                    &SLIP_FORMATS,
                    upload(name, bytes),
                )
                .await
        };
        let scan = encoded(two_halves(400, 300), ImageFormat::Png);
        let taken = take("底单.png", &scan).await.unwrap();
        let find = async || desk.uploads.find(&desk.site, taken.id()).await.unwrap();
        assert!(find().await.is_none(), "it counts when it is kept");
        let mut tx = desk.store.begin().await.unwrap();
        desk.uploads
            .keep_of_order(&mut tx, &desk.site, &taken)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let kept = find().await.unwrap();
        assert_eq!(kept.owner, Owner::Order(order.clone()));
        assert_eq!(kept.name, "底单.png");
        // Whatever else it may be, a clerk's computer takes it for the picture that was looked at.
        let disguised = take("底单\u{202e}gnp.hta", &scan).await.unwrap();
        assert_eq!(disguised.file.name, "底单gnp.hta.png");
        assert!(kept.is_picture);
        let archive = take("底单.zip", b"PK\x05\x06aaaaaaaaaaaaaaaaaa").await;
        assert!(
            matches!(&archive, Err(UploadError::Refused(problem)) if problem.item == "汇款底单")
        );
    }
}

#[tokio::test]
async fn the_sweep_plans_the_next_one_once() {
    for store in stores().await {
        let desk = Desk::new(store);
        desk.uploads.sweep(&desk.site).await.unwrap();
        desk.uploads.sweep(&desk.site).await.unwrap();
        let mut tx = desk.store.begin().await.unwrap();
        let far = Millis(SystemClock.now().0 + 7_200_000);
        let mut sweeps = 0;
        while let Some(job) = jobs::lease(&mut tx, far, far.plus(1)).await.unwrap() {
            assert_eq!(job.kind, SWEEP_JOB);
            sweeps += 1;
        }
        // Two when the hour ended between the sweeps.
        assert!((1..=2).contains(&sweeps), "{}", desk.store.name);
    }
}
