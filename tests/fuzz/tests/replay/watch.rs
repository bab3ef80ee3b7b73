//! Ends the process when an input does not come back: a thread that hangs can be stopped in no other way, and a suite that
//! hangs says nothing about what it hangs on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

/// An input that is being tried.
struct Tried {
    begun: Instant,
    patience: Duration,
    target: String,
    what: String,
    input: Vec<u8>,
}

#[derive(Default)]
struct Book {
    last: u64,
    tried: BTreeMap<u64, Tried>,
}

static BOOK: Mutex<Book> = Mutex::new(Book {
    last: 0,
    tried: BTreeMap::new(),
});
static BEGUN: Condvar = Condvar::new();

/// While it lives, its input is watched.
#[must_use]
pub struct Watched(u64);

impl Drop for Watched {
    fn drop(&mut self) {
        book().tried.remove(&self.0);
    }
}

fn book() -> MutexGuard<'static, Book> {
    BOOK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches until what is given back is dropped; when that takes longer than `patience`, the process ends.
pub fn over(patience: Duration, target: &str, what: &str, input: &[u8]) -> Watched {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| drop(std::thread::spawn(watch)));
    let mut book = book();
    book.last += 1;
    let id = book.last;
    let tried = Tried {
        begun: Instant::now(),
        patience,
        target: target.to_owned(),
        what: what.to_owned(),
        input: input.to_owned(),
    };
    book.tried.insert(id, tried);
    drop(book);
    BEGUN.notify_one();
    Watched(id)
}

fn watch() {
    let mut book = book();
    loop {
        let now = Instant::now();
        let left = |tried: &Tried| (tried.begun + tried.patience).saturating_duration_since(now);
        if let Some(hung) = book.tried.values().find(|tried| left(tried).is_zero()) {
            let found = keep(&hung.target, &hung.input);
            // Not by `eprintln!`, which the test harness holds back until a test ends.
            let said = format!(
                "{}, {}: has not come back for {:?}; the input is {}\n",
                hung.target,
                hung.what,
                now - hung.begun,
                found.display()
            );
            let _ = std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes());
            std::process::abort();
        }
        let next = book.tried.values().map(left).min();
        book = match next {
            Some(next) => {
                let waited = BEGUN.wait_timeout(book, next);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => BEGUN.wait(book).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// Writes an input where it can be found again.
pub fn keep(target: &str, input: &[u8]) -> PathBuf {
    let found = std::env::temp_dir().join(format!("yinxin-fuzz-{target}-{}", std::process::id()));
    std::fs::write(&found, input).unwrap();
    found
}

/// Set where this process is the one that hangs.
const HANGS: &str = "YINXIN_FUZZ_HANGS";

#[test]
fn an_input_that_never_comes_back_is_named_and_ends_the_process() {
    if std::env::var_os(HANGS).is_some() {
        let _well = over(Duration::from_secs(600), "well", "another", b"not this one");
        let _watched = over(
            Duration::from_millis(200),
            "endless",
            "round 7",
            b"the input",
        );
        loop {
            std::thread::park();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let name = "watch::an_input_that_never_comes_back_is_named_and_ends_the_process";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(HANGS, "1")
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("endless, round 7: has not come back"),
        "{said}"
    );
    let kept: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(said.contains(&kept[0].display().to_string()), "{said}");
    assert_eq!(std::fs::read(&kept[0]).unwrap(), b"the input");
}
