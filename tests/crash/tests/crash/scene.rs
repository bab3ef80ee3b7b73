//! People of every site in the middle of their applications, and what is to be found when an outage is over.

use anyhow::Result;
use std::time::{Duration, Instant};
use yinxin_crash::books::{self, Counted};
use yinxin_crash::line::{Line, State};
use yinxin_crash::outage;
use yinxin_crash::people::{Through, Traveller, Troubles};
use yinxin_crash::promises::Promises;
use yinxin_crash::records::{Records, SOON};
use yinxin_house::processes::free_port;
use yinxin_house::sites::{SITES, Way};
use yinxin_house::{Browser, Clerk, Database, Desk, Form, House, Options, Page};

/// Longer than it takes to notice that an outage is over.
const RECOVERY: Duration = Duration::from_secs(60);
/// What is tried again waits for as long as it was tried in vain, a lease runs out, and an invoice of which the provider
/// knows nothing is ordered again after ten minutes.
const AGAIN: Duration = Duration::from_secs(900);
/// Who asks for a code at each site: more than are sent at once.
const STRANGERS: u64 = 4;

/// How long something may take after an outage.
fn patience() -> Duration {
    if outage::is_real() {
        RECOVERY + AGAIN + outage::length() * 3
    } else {
        RECOVERY
    }
}

/// The lines from the server to simulators and mailbox.
pub struct Lines {
    pub http: Line,
    pub smtp: Line,
}

impl Lines {
    /// With the options of a house that uses them.
    pub async fn laid(options: Options) -> Result<(Self, Options)> {
        let ports = [free_port()?, free_port()?];
        let lines = Self {
            http: Line::to(ports[0]).await?,
            smtp: Line::to(ports[1]).await?,
        };
        let options = Options {
            simulators: Some(ports),
            lines: Some([lines.http.port, lines.smtp.port]),
            ..options
        };
        Ok((lines, options))
    }
}

/// The people of one site.
pub struct Hall {
    pub desk: Desk,
    /// Their form is about to be sent.
    pub typing: Traveller,
    /// Waits for a clerk's decision, of which they will be told.
    pub waiting: Traveller,
}

pub struct Scene {
    pub house: House,
    pub lines: Lines,
    pub halls: Vec<Hall>,
    pub troubles: Troubles,
    /// Each asked for one code.
    strangers: u64,
}

/// A form filled in by hand but for one field, which says this.
pub struct Filled {
    pub form: Form,
    pub button: usize,
    pub name: String,
}

impl Scene {
    /// Somebody of each site.
    pub async fn open(database: Database, options: Options) -> Result<Self> {
        let (lines, options) = Lines::laid(options).await?;
        let house = House::open_with(database, options).await?;
        let troubles = Troubles::default();
        let mut halls = Vec::new();
        for (place, site) in SITES.iter().enumerate() {
            let way = &site.ways[0];
            let mut desk = Desk::open(&house, way.domain).await?;
            let number = place as u64 + 1;
            let typing = begun(&house, way, number, &troubles).await?;
            let mut waiting = begun(&house, way, 100 + number, &troubles).await?;
            let state = waiting.person.told_after();
            waiting.come_to(state, &mut desk, &troubles).await?;
            halls.push(Hall {
                desk,
                typing,
                waiting,
            });
        }
        Ok(Self {
            house,
            lines,
            halls,
            troubles,
            strangers: 0,
        })
    }

    /// At each site a form with a name in it.
    pub async fn filled(&mut self) -> Result<Vec<Filled>> {
        let mut filled = Vec::new();
        for hall in &mut self.halls {
            let (step, field) = hall.typing.way.form;
            let path = format!("{}/steps/{step}", hall.typing.walks[0].case);
            let page = hall.typing.person.applicant().browser.open(&path).await?;
            let (mut form, button) = page.form_with("保存并继续")?;
            let name = format!("{}海丝路航运有限公司", hall.typing.way.domain);
            form.fill(field, &name)?;
            filled.push(Filled { form, button, name });
        }
        Ok(filled)
    }

    /// Has jobs under way and jobs that wait at every site: no provider answers any more though it does what it is asked,
    /// clerks decide, and strangers ask for codes.
    pub async fn busy(&mut self) -> Result<()> {
        self.lines.http.set(State::Unanswered);
        self.lines.smtp.set(State::Silent);
        for hall in &mut self.halls {
            let state = hall.waiting.person.told_after();
            let case = hall.waiting.walks[0].case.clone();
            loop {
                hall.waiting.step(&mut hall.desk, &self.troubles).await?;
                let page = hall.waiting.person.applicant().case(&case).await?;
                if hall.waiting.person.state(&page)? != state {
                    break;
                }
            }
            for _ in 0..STRANGERS {
                self.strangers += 1;
                let number = 1_000 + self.strangers;
                let mut stranger = hall.typing.way.person(&self.house, number);
                stranger.ask_for_code().await?;
            }
        }
        let mut records = Records::of(&self.house).await?;
        let begun = Instant::now();
        loop {
            let (under_way, due) = (records.under_way().await?, records.due().await?);
            let sending = under_way.iter().filter(|kind| *kind == "message").count();
            if sending >= self.halls.len() && due.iter().any(|kind| kind == "message") {
                println!("the outage begins with {under_way:?} under way and {due:?} in the queue");
                return Ok(());
            }
            anyhow::ensure!(
                begun.elapsed() < RECOVERY,
                "{under_way:?} are under way and {due:?} wait: nothing to lose"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The providers answer again.
    pub fn calm(&self) {
        self.lines.http.set(State::Open);
        self.lines.smtp.set(State::Open);
    }

    /// Sends the forms that were filled in; all at once, as each may be answered late.
    pub async fn send(&mut self, filled: &[Filled]) -> Result<Vec<Page>> {
        let sending = self.halls.iter_mut().zip(filled).map(|(hall, filled)| {
            let browser = &mut hall.typing.person.applicant().browser;
            browser.send_once(&filled.form, Some(filled.button))
        });
        futures::future::try_join_all(sending).await
    }

    /// The buttons of the pages that asked to come later do what was to be done.
    pub async fn saved(&mut self, again: &[Filled]) -> Result<()> {
        for (hall, filled) in self.halls.iter_mut().zip(again) {
            let (step, field) = hall.typing.way.form;
            let path = format!("{}/steps/{step}", hall.typing.walks[0].case);
            let browser = &mut hall.typing.person.applicant().browser;
            // The rest of the form is missing still: the page says so, and holds the name.
            let page = browser.send(&filled.form, Some(filled.button)).await?;
            let log = std::fs::read_to_string(self.house.server_log())?;
            let last: Vec<&str> = log.lines().rev().take(5).collect();
            assert!(
                !page.status.is_server_error(),
                "{}\n{}",
                page.text(),
                last.join("\n")
            );
            let page = browser.open(&path).await?;
            let (mut form, _) = page.form_with("保存并继续")?;
            assert_eq!(form.field(field)?.value.as_deref(), Some(&*filled.name));
        }
        Ok(())
    }

    /// What `/readyz` says.
    pub async fn ready(&self) -> Result<Page> {
        Browser::new(&self.house, SITES[0].domains[0])
            .get("/readyz")
            .await
    }

    /// Waits until the server is ready again.
    pub async fn recovered(&self) -> Result<()> {
        let begun = Instant::now();
        while !self.ready().await?.status.is_success() {
            assert!(begun.elapsed() < RECOVERY, "it does not recover");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// The outage is over: all applications go their way to the end, everything comes to rest, and the books agree.
    pub async fn goes_on(self) -> Result<()> {
        let Self {
            house,
            halls,
            troubles,
            ..
        } = self;
        let mut through = Vec::new();
        for mut hall in halls {
            for traveller in [&mut hall.typing, &mut hall.waiting] {
                let begun = traveller.walks[0].case.clone();
                let came = traveller.go(&mut hall.desk, &troubles).await?;
                let first = format!("/cases/{}", came[0].case);
                assert_eq!(first, begun, "the one that was begun");
                through.extend(came);
            }
        }
        at_rest(&house).await?;
        once(&house, &through).await?;
        let counted = agreed(&house).await?;
        assert_eq!(counted.certificates, through.len(), "{counted}");
        Ok(())
    }
}

/// Somebody who has registered and begun their first application.
pub async fn begun(
    house: &House,
    way: &'static Way,
    number: u64,
    troubles: &Troubles,
) -> Result<Traveller> {
    let mut traveller = Traveller::new(house, way, number);
    traveller.register(troubles).await?;
    traveller.begin(troubles).await?;
    Ok(traveller)
}

/// All that was acknowledged stands there, and each step of what came through stands once in its history.
pub async fn once(house: &House, through: &[Through]) -> Result<()> {
    let mut records = Records::of(house).await?;
    let mut promises = Promises::default();
    let faults = promises.look(&house.diary, &mut records).await?;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for Through { kind, case } in through {
        let history = records.history(case).await?;
        assert!(history.contains_key("submit"), "{kind}: {history:?}");
        for (step, times) in &history {
            // Each file is a row of its own.
            assert!(
                *times == 1 || step == "上传文件",
                "{kind}: {step} in {history:?}"
            );
        }
    }
    Ok(())
}

pub async fn agreed(house: &House) -> Result<Counted> {
    let (counted, faults) = books::compare(house).await?;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("afterwards: {counted}");
    Ok(counted)
}

/// Everything that waited is done, without anybody's hand.
pub async fn at_rest(house: &House) -> Result<()> {
    let begun = Instant::now();
    let mut records = Records::of(house).await?;
    loop {
        let left = records.unfinished().await?;
        if left.is_empty() {
            return Ok(());
        }
        assert!(
            begun.elapsed() < patience(),
            "this waits for ever:\n{}",
            left.join("\n")
        );
        pass_time(&mut records).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Nothing, where outages last for real.
pub async fn pass_time(records: &mut Records) -> Result<()> {
    if !outage::is_real() {
        records.pass_time(SOON).await?;
        // An invoice whose order never left the house is ordered again.
        records.age_questions(SOON).await?;
    }
    Ok(())
}

/// A page that asks to come later, in words, with what was typed and a button that sends it again.
pub fn asks_to_come_later(page: &Page, typed: &Filled) -> Filled {
    assert_eq!(page.status.as_u16(), 503, "{}", page.text());
    assert!(page.has("请稍后再试"), "{}", page.text());
    let (form, button) = page.form_with("再试一次").unwrap();
    let name = typed.name.clone();
    let kept = form
        .fields
        .iter()
        .any(|field| field.value.as_deref() == Some(&*name));
    assert!(kept, "what was typed is lost: {form:?}");
    Filled { form, button, name }
}

/// What the console's page of jobs says, once it has this.
pub async fn waits(house: &House, admin: &mut Clerk, what: &str) -> Result<String> {
    let begun = Instant::now();
    loop {
        let page = admin.browser.open("/console/jobs").await?;
        if page.has(what) {
            return Ok(page.main_text());
        }
        if begun.elapsed() > patience() {
            let left = Records::of(house).await?.unfinished().await?;
            anyhow::bail!(
                "{what} is not on the page, while {left:?} are left: {}",
                page.main_text()
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
