//! People who do not give up: they look at the page, do what is next, and when the answer does not come they look again.

use crate::outage;
use anyhow::{Context, Result, bail};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use yinxin_house::people::Applicant;
use yinxin_house::sites::Way;
use yinxin_house::{Desk, House, Lost, Person, Walk};

/// Between two looks at a page that did not come.
const BREATH: Duration = Duration::from_millis(150);
/// Refusals in a row, each followed by a look, that somebody takes: the step was done already, or somebody was faster.
const REFUSALS: usize = 8;
/// How long somebody takes "later" or nothing for an answer, beyond the time of the outage: several starts of the server.
const PATIENCE: Duration = Duration::from_secs(120);
/// Looks at a page until an application is through; most are waits for a worker.
const LOOKS: usize = 2_000;

/// How often something did not come, of all people together.
#[derive(Debug, Default)]
pub struct Troubles {
    /// Connections lost: the step may have happened or not.
    pub lost: AtomicUsize,
    /// Pages that said "later".
    pub later: AtomicUsize,
    /// Steps that were refused, as they had been done.
    pub refused: AtomicUsize,
}

impl Troubles {
    pub fn met(&self) -> usize {
        self.lost.load(Ordering::SeqCst) + self.later.load(Ordering::SeqCst)
    }
}

/// True where the step may or may not have happened.
pub fn is_lost(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Lost>()) || error.downcast_ref::<Lost>().is_some()
}

/// True where a page said that it does not work now.
pub fn is_later(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("503 Service Unavailable")
}

/// Does something until it is done, or nobody would wait for it any longer.
pub async fn until_done<T>(
    what: &str,
    troubles: &Troubles,
    step: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    until_done_within(PATIENCE + outage::length(), what, troubles, step).await
}

async fn until_done_within<T>(
    patience: Duration,
    what: &str,
    troubles: &Troubles,
    mut step: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let begun = Instant::now();
    let mut refusals = 0;
    let mut lost = false;
    loop {
        let was_lost = std::mem::take(&mut lost);
        let error = match step().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if is_lost(&error) {
            lost = true;
            // Nobody is there while the server starts: that is the same trouble.
            if !was_lost {
                troubles.lost.fetch_add(1, Ordering::SeqCst);
            }
        } else if is_later(&error) {
            troubles.later.fetch_add(1, Ordering::SeqCst);
        } else if format!("{error:#}").contains("500 Internal Server Error") {
            return Err(error.context(format!("{what}: a mistake of ours")));
        } else {
            refusals += 1;
            troubles.refused.fetch_add(1, Ordering::SeqCst);
            if refusals == REFUSALS {
                return Err(error.context(what.to_owned()));
            }
        }
        if begun.elapsed() > patience {
            return Err(error.context(format!("{what}: not done after {patience:?}")));
        }
        tokio::time::sleep(BREATH).await;
    }
}

/// Somebody with applications on one of the sites.
pub struct Traveller {
    pub way: &'static Way,
    pub person: Box<dyn Person>,
    /// The applications so far, the present one last.
    pub walks: Vec<Walk>,
}

/// An application that came through: what kind of a way it was, and the case's id.
pub struct Through {
    pub kind: String,
    pub case: String,
}

impl Traveller {
    pub fn new(house: &House, way: &'static Way, number: u64) -> Self {
        Self {
            way,
            person: way.person(house, number),
            walks: Vec::new(),
        }
    }

    /// Registers. None: the answer was lost, and there is no account; somebody else comes instead, as a second code for
    /// the same mobile would have to be waited for.
    pub async fn register(&mut self, troubles: &Troubles) -> Result<Option<()>> {
        let error = match self.person.register().await {
            Ok(_) => return Ok(Some(())),
            Err(error) => error,
        };
        if !(is_lost(&error) || is_later(&error)) {
            return Err(error);
        }
        troubles.lost.fetch_add(1, Ordering::SeqCst);
        let what = "logs in after a registration without an answer";
        Ok(self.log_in(what, troubles).await.ok())
    }

    /// Logs in at a browser that knows of no session.
    pub async fn log_in(&mut self, what: &str, troubles: &Troubles) -> Result<()> {
        until_done(what, troubles, async || {
            self.person.applicant().browser.cookies.clear();
            self.person.log_in().await?;
            Ok(())
        })
        .await
    }

    /// Begins the next application of the way; false when there is none.
    pub async fn begin(&mut self, troubles: &Troubles) -> Result<bool> {
        let Some((service, pays)) = self.way.services.get(self.walks.len()) else {
            return Ok(false);
        };
        let what = format!("{}: begins {service}", self.way.domain);
        let (person, walks) = (&mut self.person, &self.walks);
        let case = until_done(&what, troubles, async || {
            match known(person.applicant(), walks).await? {
                Some(case) => Ok(case),
                None => person.begin(service).await,
            }
        })
        .await?;
        self.walks.push(Walk::new(service, *pays, case));
        Ok(true)
    }

    /// Does the next step of the present application; true when it is at its end.
    pub async fn step(&mut self, desk: &mut Desk, troubles: &Troubles) -> Result<bool> {
        let walk = self.walks.last_mut().context("nothing is begun")?;
        let what = format!("{}: {}", self.way.name(), walk.case);
        let person = &mut self.person;
        until_done(&what, troubles, async || person.step(desk, walk).await).await
    }

    /// Applies for everything, or goes on where they are, and everybody does their part until all is through.
    pub async fn go(&mut self, desk: &mut Desk, troubles: &Troubles) -> Result<Vec<Through>> {
        if self.walks.is_empty() {
            self.begin(troubles).await?;
        }
        let mut through = Vec::new();
        loop {
            self.come_through(desk, troubles).await?;
            let walk = self.walks.last().context("nothing is begun")?;
            let id = walk.case.strip_prefix("/cases/").context("a case's path")?;
            through.push(Through {
                kind: format!("{} of {}", walk.service, self.way.name()),
                case: id.to_owned(),
            });
            if !self.begin(troubles).await? {
                return Ok(through);
            }
        }
    }

    async fn come_through(&mut self, desk: &mut Desk, troubles: &Troubles) -> Result<()> {
        for _ in 0..LOOKS {
            if self.step(desk, troubles).await? {
                return Ok(());
            }
        }
        bail!("{}: it does not come to its end", self.way.name())
    }

    /// Goes on until the present application is in the state that applicants call so.
    pub async fn come_to(
        &mut self,
        state: &str,
        desk: &mut Desk,
        troubles: &Troubles,
    ) -> Result<()> {
        for _ in 0..LOOKS {
            let case = self.walks.last().context("nothing is begun")?.case.clone();
            let page = self.person.applicant().case(&case).await?;
            if self.person.state(&page)? == state {
                return Ok(());
            }
            self.step(desk, troubles).await?;
        }
        bail!("{}: nobody comes to {state}", self.way.name())
    }
}

/// The application that is in the list already and not one of those before: somebody whose answer was lost finds it there.
async fn known(applicant: &mut Applicant, before: &[Walk]) -> Result<Option<String>> {
    let list = applicant.browser.open("/cases").await?;
    Ok(list.links().into_iter().find_map(|link| {
        let id = link.href.strip_prefix("/cases/")?;
        let new = before.iter().all(|walk| walk.case != link.href);
        (id.len() == 36 && new).then(|| link.href.clone())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_that_always_says_later_is_an_error_in_the_end() {
        let troubles = Troubles::default();
        let patience = Duration::from_millis(400);
        for said in ["/cases: 503 Service Unavailable 请稍后再试", "lost"] {
            let done = until_done_within(patience, "looks", &troubles, async || match said {
                "lost" => Err(anyhow::anyhow!("reset").context(Lost)),
                said => bail!("{said}"),
            });
            let done: Result<()> = tokio::time::timeout(PATIENCE, done)
                .await
                .expect("nobody waits for ever");
            let error = format!("{:#}", done.unwrap_err());
            assert!(error.contains("looks: not done after"), "{error}");
        }
        assert!(troubles.later.load(Ordering::SeqCst) > 1);
        assert_eq!(troubles.lost.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_is_refused_again_and_again_is_an_error() {
        let troubles = Troubles::default();
        let refused: Result<()> =
            until_done("asks", &troubles, async || bail!("422 not now")).await;
        assert!(format!("{:#}", refused.unwrap_err()).contains("422"));
        assert_eq!(troubles.refused.load(Ordering::SeqCst), REFUSALS);
    }
}
