//! Two presses at the same moment, and who was told what.

use anyhow::{Result, bail};
use yinxin_house::{Browser, Form, Page};

/// Somebody before a button.
pub struct Press<'b> {
    pub browser: &'b mut Browser,
    pub form: Form,
    pub button: usize,
}

impl<'b> Press<'b> {
    /// The button with this text on the page.
    pub fn new(browser: &'b mut Browser, page: &Page, button: &str) -> Result<Self> {
        let (form, button) = page.form_with(button)?;
        Ok(Self {
            browser,
            form,
            button,
        })
    }
}

/// Where the two presses lead.
pub async fn at_once(one: Press<'_>, other: Press<'_>) -> Result<[Page; 2]> {
    let (one, other) = tokio::join!(
        one.browser.send(&one.form, Some(one.button)),
        other.browser.send(&other.form, Some(other.button)),
    );
    Ok([one?, other?])
}

/// Which of the two won: whose page says `won`. The other's page says each of `told`, with a status that is neither a
/// mistake of ours nor a success.
pub fn winner(pages: &[Page; 2], won: &str, told: &[&str]) -> Result<usize> {
    let has_won = |page: &Page| page.status.is_success() && page.has(won);
    let (winner, loser) = match [has_won(&pages[0]), has_won(&pages[1])] {
        [true, false] => (0, &pages[1]),
        [false, true] => (1, &pages[0]),
        [both, _] => bail!(
            "{} won, where one should have “{won}”:\n{}\n{}",
            if both { "both" } else { "nobody" },
            said(&pages[0]),
            said(&pages[1]),
        ),
    };
    if !loser.status.is_client_error() {
        bail!("whoever lost was answered so: {}", said(loser));
    }
    for words in told {
        if !loser.has(words) {
            bail!("whoever lost was not told “{words}”: {}", said(loser));
        }
    }
    Ok(winner)
}

pub fn said(page: &Page) -> String {
    format!("{} {}: {}", page.status, page.path, page.main_text())
}
