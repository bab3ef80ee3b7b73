//! The slip of a transfer, to a clerk: a picture re-encoded and upright, a PDF in a frame of our own page.

use crate::applicant::{attachment, framed, inline};
use crate::console::money;
use crate::console::visit::ClerkVisit;
use crate::error::WebError;
use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;
use yinxin_core::ids::{FileId, OrderId};
use yinxin_engine::views::Download;
use yinxin_services::uploads::{self, FileView};
use yinxin_store::files::Owner;

#[derive(Serialize)]
pub struct Slip {
    pub path: String,
    pub name: String,
    pub size: u64,
    pub at: String,
    pub is_picture: bool,
}

/// The slip as the order's page shows it; none when the order has none, or its file is gone.
pub async fn of_order(
    clerk: &ClerkVisit,
    order: &OrderId,
    file: &str,
) -> Result<Option<Slip>, WebError> {
    if file.is_empty() {
        return Ok(None);
    }
    let visit = &clerk.visit;
    let id = FileId::from_stored(file);
    let found = visit.state.uploads.find(&visit.site.id, &id).await?;
    Ok(found.map(|file| Slip {
        path: format!("/console/orders/{order}/slips/{}", file.id),
        name: file.name,
        size: file.size,
        at: file.created_at.minute(),
        is_picture: file.is_picture,
    }))
}

pub async fn view(
    clerk: ClerkVisit,
    Path((order, file)): Path<(String, String)>,
) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let file = owned(&clerk, order, file).await?;
    let (uploads, site) = (&clerk.visit.state.uploads, &clerk.visit.site.id);
    if file.is_picture {
        let picture = uploads.clerk_view(site, &file.id).await?;
        return Ok(inline(download(picture)));
    }
    Ok(framed(download(
        uploads.read_original(site, &file.id).await?,
    )))
}

/// As it was uploaded, to be saved and not shown.
pub async fn original(
    clerk: ClerkVisit,
    Path((order, file)): Path<(String, String)>,
) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let file = owned(&clerk, order, file).await?;
    let (uploads, site) = (&clerk.visit.state.uploads, &clerk.visit.site.id);
    Ok(attachment(download(
        uploads.read_original(site, &file.id).await?,
    )))
}

/// A file of this order, also one that was replaced or refused: its history leads to it.
async fn owned(clerk: &ClerkVisit, order: String, file: String) -> Result<FileView, WebError> {
    let visit = &clerk.visit;
    let file = FileId::from_stored(file);
    let found = visit.state.uploads.find(&visit.site.id, &file).await?;
    let owner = Owner::Order(OrderId::from_stored(order));
    found
        .filter(|file| file.owner == owner)
        .ok_or(WebError::NotFound)
}

fn download(file: uploads::Download) -> Download {
    Download {
        name: file.name,
        media_type: file.media_type,
        bytes: file.bytes,
    }
}
