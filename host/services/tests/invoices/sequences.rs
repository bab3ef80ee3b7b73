//! Whatever happens in whatever order: when all is quiet, the invoices that stand are those of the money that was kept.

use crate::desk::{Desk, clerk, desks};
use yinxin_core::ids::{CaseId, InvoiceId, OrderId};
use yinxin_services::invoices::{InvoiceKind, InvoiceState};
use yinxin_simulators::invoice::{Fate, Stage};
use yinxin_simulators::misbehave::Mode;

/// Sequences on each database, and steps of each: half a minute together.
const SEQUENCES: u64 = 90;
/// Sequences with one office: their days pass, and it gives out fifty tokens in thirty.
const OF_ONE_OFFICE: usize = 30;
const STEPS: u64 = 14;
/// Rounds in which a clerk sees to what is left; the longest chain is refused, voided, issued anew.
const ROUNDS: usize = 12;

/// Numbers that are the same in each run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

struct Story<'a> {
    desk: &'a Desk,
    dice: Dice,
    order: OrderId,
    /// With what each paid, 0 after its refund.
    cases: Vec<(CaseId, i64)>,
    uploads: u64,
}

impl Story<'_> {
    async fn step(&mut self) {
        let which = usize::try_from(self.dice.throw(self.cases.len() as u64)).unwrap();
        match self.dice.throw(10) {
            // Refused when all of the order's money went back.
            0..=2 => drop(self.desk.ask(&self.order, &self.cases[which].0).await),
            3 => self.refund(which).await,
            4 => {
                let fates = [Fate::Issue, Fate::Fail, Fate::Seal, Fate::Wait];
                self.desk.office.next(fates[self.dice.throw(4) as usize]);
            }
            5 => {
                let modes = [Mode::Drop, Mode::Repeat, Mode::Error, Mode::Forge];
                let mode = modes[self.dice.throw(4) as usize];
                self.desk.office.misbehaviour.next(mode, 1);
            }
            6 => self.see_to_it().await,
            7 => self.upload().await,
            8 => self.desk.clock.advance(24 * 3600),
            _ => {
                let seconds = i64::try_from(self.dice.throw(1200)).unwrap();
                self.desk.work(seconds).await;
            }
        }
    }

    async fn refund(&mut self, which: usize) {
        let (case, amount) = self.cases[which].clone();
        if amount > 0 {
            self.desk.refund(&self.order, &case, amount).await;
            self.cases[which].1 = 0;
        }
    }

    fn new_number(&mut self) -> String {
        self.uploads += 1;
        // The order's own number makes it unique among the stories of a desk.
        format!("99{:09}{:09}", self.dice.0 % 1_000_000_000, self.uploads)
    }

    async fn upload(&mut self) {
        let number = self.new_number();
        // Refused where the provider is at it.
        drop(self.desk.upload(&self.order, &number).await);
    }

    /// What a clerk does with what stands still.
    async fn see_to_it(&mut self) {
        for invoice in self.desk.of(&self.order).await {
            match (invoice.state, invoice.kind) {
                (InvoiceState::Failed | InvoiceState::VoidFailed, _) => {
                    self.desk.retry(&invoice.id).await.unwrap();
                }
                (InvoiceState::Voiding, InvoiceKind::ByHand) => self.void(&invoice.id).await,
                _ => {}
            }
        }
    }

    async fn void(&mut self, id: &InvoiceId) {
        let number = self.new_number();
        let mut tx = self.desk.store.begin().await.unwrap();
        self.desk
            .invoices
            .void_by_hand(&mut tx, &self.desk.site, id, &number, &clerk())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// Everything goes well from here on, and everybody has asked.
    async fn settle(&mut self) {
        self.desk.office.misbehaviour.next(Mode::Normal, 0);
        self.desk.office.next(Fate::Issue);
        for (case, amount) in self.cases.clone() {
            if amount > 0 {
                self.desk.ask(&self.order, &case).await.unwrap();
            }
        }
        for _ in 0..ROUNDS {
            self.desk.work(2 * 3600).await;
            self.see_to_it().await;
        }
    }

    async fn check(&self, what: &str) {
        let kept: i64 = self.cases.iter().map(|(_, amount)| amount).sum();
        let all = self.desk.of(&self.order).await;
        let live: Vec<_> = all.iter().filter(|invoice| invoice.live).collect();
        let amounts: Vec<i64> = live.iter().map(|invoice| invoice.amount.0).collect();
        let expected: Vec<i64> = (kept > 0).then_some(kept).into_iter().collect();
        assert_eq!(amounts, expected, "{what}: {all:?}");
        for invoice in &all {
            let ends_well = match invoice.state {
                InvoiceState::Issued => invoice.live && invoice.file.is_some(),
                InvoiceState::Voided => !invoice.red_number.is_empty(),
                InvoiceState::Withdrawn => invoice.number.is_empty(),
                InvoiceState::Replaced => true,
                _ => false,
            };
            assert!(ends_well, "{what}: {invoice:?}");
        }
        let number = &all.first().map_or("-", |one| &one.order_number).to_owned();
        let at_the_office: i64 = self
            .desk
            .office
            .invoices()
            .iter()
            .filter(|one| one.order_no.starts_with(number) && one.stage != Stage::Failed)
            .map(|one| one.amount)
            .sum();
        let by_provider: i64 = live
            .iter()
            .filter(|invoice| invoice.kind == InvoiceKind::Provider)
            .map(|invoice| invoice.amount.0)
            .sum();
        assert_eq!(at_the_office, by_provider, "{what}: {all:?}");
    }
}

#[tokio::test]
async fn what_stands_in_the_end_is_what_was_kept() {
    let seeds: Vec<u64> = (0..SEQUENCES).collect();
    for seeds in seeds.chunks(OF_ONE_OFFICE) {
        for desk in desks().await {
            for seed in seeds {
                tell(&desk, *seed).await;
            }
        }
    }
}

async fn tell(desk: &Desk, seed: u64) {
    let mut dice = Dice(seed);
    let count = 1 + dice.throw(3);
    let amounts: Vec<i64> = (0..count)
        .map(|_| i64::try_from(1 + dice.throw(50_000)).unwrap())
        .collect();
    let (order, cases) = desk.paid(&amounts).await;
    let mut story = Story {
        desk,
        dice,
        order,
        cases: cases.into_iter().zip(amounts).collect(),
        uploads: 0,
    };
    for _ in 0..STEPS {
        story.step().await;
    }
    story.settle().await;
    story.check(&format!("{} {seed}", desk.store.name)).await;
}
