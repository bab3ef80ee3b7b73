//! The pages that a site comes with: `sites/<name>/pages/*.md`, taken over once. Afterwards the database has the word, since
//! an administrator may have changed them.

use super::{Content, ContentError, PageEdit, is_slug};
use std::path::Path;
use yinxin_core::ids::SiteId;
use yinxin_store::{StoreError, pages};

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Slugs of new pages.
    pub added: Vec<String>,
    /// Slugs that were there already and stay as they are.
    pub kept: Vec<String>,
}

/// Position of a page whose file name has no number: after those that have one.
const LAST: i64 = 1000;

impl Content {
    /// Takes over the `.md` files of a folder that have no page yet. `20-help.md` is the page `help` at position 20; its
    /// first line `# 标题` is its title. A folder that is not there has no pages.
    pub async fn import_pages(
        &self,
        site: &SiteId,
        folder: &Path,
    ) -> Result<Imported, ContentError> {
        let mut imported = Imported::default();
        for (name, text) in read_folder(folder).await? {
            let (slug, position) = slug_of(&name);
            if !is_slug(slug) {
                let path = folder.join(format!("{name}.md")).display().to_string();
                let says = "a page is named with small letters, digits and hyphens";
                let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, says);
                return Err(ContentError::Unreadable { path, source });
            }
            let (title, markdown) = split_title(&text, slug);
            let edit = PageEdit {
                title,
                markdown,
                position,
                published: true,
            };
            super::refuse_if_any(super::text_problems(&edit.title, &edit.markdown))?;
            let page = self.page_of(slug, edit, "site", 1);
            let mut tx = self.store.begin().await?;
            let list = match pages::insert(&mut tx, site, &page).await? {
                true => &mut imported.added,
                false => &mut imported.kept,
            };
            list.push(page.slug);
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(imported)
    }
}

/// Names without `.md` and texts, by name.
async fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, ContentError> {
    let unreadable = |path: &Path, source| ContentError::Unreadable {
        path: path.display().to_string(),
        source,
    };
    let mut entries = match tokio::fs::read_dir(folder).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, error)),
    };
    let mut files = Vec::new();
    while let Some(entry) = entries
        .next_entry()
        .await
        .map_err(|e| unreadable(folder, e))?
    {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = tokio::fs::read_to_string(&path)
                .await
                .map_err(|e| unreadable(&path, e))?;
            let name = path
                .file_stem()
                .map(|name| name.to_string_lossy().into_owned());
            files.push((name.unwrap_or_default(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// `20-help` is `help` at 20.
fn slug_of(name: &str) -> (&str, i64) {
    name.split_once('-')
        .and_then(|(number, slug)| Some((slug, number.parse::<u16>().ok()?)))
        .map_or((name, LAST), |(slug, number)| (slug, i64::from(number)))
}

/// The first heading is the title, the rest the text.
fn split_title(text: &str, slug: &str) -> (String, String) {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match text.strip_prefix("# ") {
        Some(rest) => {
            let (title, markdown) = rest.split_once('\n').unwrap_or((rest, ""));
            (title.trim().to_owned(), markdown.trim_start().to_owned())
        }
        None => (slug.to_owned(), text.to_owned()),
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_files_name_is_its_address_and_place() {
        assert_eq!(slug_of("20-help"), ("help", 20));
        assert_eq!(slug_of("root-certificate"), ("root-certificate", LAST));
        assert_eq!(slug_of("help"), ("help", LAST));
    }

    #[test]
    fn the_first_heading_is_the_title() {
        assert_eq!(
            split_title("\u{feff}# 帮助\r\n\n怎么办\n", "help"),
            ("帮助".into(), "怎么办\n".into())
        );
        assert_eq!(
            split_title("怎么办", "help"),
            ("help".into(), "怎么办".into())
        );
    }
}
