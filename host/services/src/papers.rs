//! Papers of cases: numbered when they are made, set as PDF when they are fetched.

use std::sync::Arc;
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::time::Clock;
use yinxin_documents::{DocumentError, Paper, Renderer};
use yinxin_store::papers::{self as rows, NewPaper};
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the paper cannot be written down: {0}")]
    Encoding(#[from] serde_json::Error),
    /// The process is shutting down.
    #[error("the paper was not set")]
    Stopped,
}

impl PaperError {
    /// What the person can do about it; none where it is our own mistake.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Document(DocumentError::MissingGlyph { character }) => Some(format!(
                "打印字库里没有“{character}”这个字。请联系客服，由我们为您制作这份文件。"
            )),
            _ => None,
        }
    }
}

/// Which paper of which case.
#[derive(Clone, Copy, Debug)]
pub struct PaperOrder<'a> {
    pub case: &'a CaseId,
    /// Acceptance number.
    pub case_number: &'a str,
    /// Id of the document in the definition.
    pub document: &'a str,
}

#[derive(Clone)]
pub struct Papers {
    renderer: Renderer,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
}

impl Papers {
    pub fn new(renderer: Renderer, sealer: Arc<Sealer>, clock: Arc<dyn Clock>) -> Self {
        Self {
            renderer,
            sealer,
            clock,
        }
    }

    /// Gives a filled paper its number and date. As long as it says the same, it keeps both however often it is fetched.
    pub async fn issue(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: PaperOrder<'_>,
        mut paper: Paper,
    ) -> Result<Paper, PaperError> {
        let digest = self.digest(&paper)?;
        let new = NewPaper {
            case: order.case,
            case_number: order.case_number,
            document: order.document,
            digest: &digest,
            now: self.clock.now(),
        };
        let issued = rows::issue(conn, site, new).await?;
        paper.imprint.number = issued.number;
        paper.imprint.made = issued.made_at.minute();
        Ok(paper)
    }

    /// Digest of what the paper says, without number and date: another one means that it has to be printed again. Keyed,
    /// since it stands unsealed in the database and what it is made of may be guessed.
    pub fn digest(&self, paper: &Paper) -> Result<String, PaperError> {
        let says = serde_json::to_string(&(&paper.title, &paper.blocks))?;
        Ok(self.sealer.fingerprint("paper", &says))
    }

    /// Declares the papers of a kind void, or of every kind.
    pub async fn void(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
        document: Option<&str>,
    ) -> Result<(), StoreError> {
        rows::void(conn, site, case, document, self.clock.now()).await
    }

    /// The paper as A4 PDF.
    pub async fn pdf(&self, paper: Paper) -> Result<Vec<u8>, PaperError> {
        let renderer = self.renderer.clone();
        let set = tokio::task::spawn_blocking(move || renderer.render(&paper)).await;
        Ok(set.map_err(|_| PaperError::Stopped)??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yinxin_core::time::SystemClock;
    use yinxin_documents::{Imprint, PaperBlock};
    use yinxin_store::testing::stores;

    fn paper(text: &str) -> Paper {
        let imprint = Imprint {
            site_title: "江西".into(),
            number: String::new(),
            made: String::new(),
        };
        let blocks = vec![PaperBlock::Paragraph { text: text.into() }];
        Paper {
            imprint,
            title: "申请表".into(),
            blocks,
        }
    }

    #[tokio::test]
    async fn a_paper_is_outdated_when_the_data_changed() {
        for store in stores().await {
            let site = SiteId::parse("jiangxi").unwrap();
            let case = CaseId::generate();
            let papers = Papers::new(
                Renderer::with_system_fonts().unwrap(),
                store.sealer.clone(),
                Arc::new(SystemClock),
            );
            let order = PaperOrder {
                case: &case,
                case_number: "YT1",
                document: "form",
            };
            let mut tx = store.begin().await.unwrap();
            let first = papers
                .issue(&mut tx, &site, order, paper("甲"))
                .await
                .unwrap();
            assert_eq!(first.imprint.number, "YT1-P1");
            assert_eq!(
                papers
                    .issue(&mut tx, &site, order, paper("甲"))
                    .await
                    .unwrap(),
                first
            );
            let latest = rows::latest(&mut tx, &site, &case, "form")
                .await
                .unwrap()
                .unwrap();
            assert_eq!(latest.digest, papers.digest(&paper("甲")).unwrap());
            assert_ne!(
                latest.digest,
                papers.digest(&paper("乙")).unwrap(),
                "{}",
                store.name
            );
            papers
                .void(&mut tx, &site, &case, Some("form"))
                .await
                .unwrap();
            assert!(
                rows::latest(&mut tx, &site, &case, "form")
                    .await
                    .unwrap()
                    .is_none()
            );
            assert!(papers.pdf(first).await.unwrap().starts_with(b"%PDF-"));
            let missing = papers.pdf(paper("\u{F8FE}")).await.unwrap_err();
            assert!(missing.sentence().unwrap().contains("打印字库里没有"));
        }
    }
}
