//! The log, on stderr. Lines are written many at a time, as each request has one; a warning or an error goes out at once,
//! with all that was said before it.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits for others. Whoever kills the process loses what came in this time.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes that are written without waiting.
const ENOUGH: usize = 16 << 10;

/// Writes what is left when it is dropped.
#[must_use = "lines wait until it is dropped"]
pub struct Log(Lines<io::Stderr>);

impl Log {
    /// Begins it; `json` for one object a line. What is told is chosen by `RUST_LOG`.
    pub fn start(json: bool) -> io::Result<Self> {
        let lines = Lines::to(io::stderr());
        let writer = lines.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.keep_writing())?;
        let filter = EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,wasmtime=warn"));
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            // Colours are for eyes; a file has no use for them.
            .with_ansi(io::stderr().is_terminal())
            .with_writer(lines.clone());
        if json {
            log.json().init()
        } else {
            log.init()
        }
        Ok(Self(lines))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.lock().write();
    }
}

struct Lines<W> {
    waiting: Arc<Mutex<Waiting<W>>>,
    came: Arc<Condvar>,
}

struct Waiting<W> {
    lines: Vec<u8>,
    output: W,
}

impl<W: Write> Waiting<W> {
    /// What cannot be written is lost: there is nobody to tell.
    fn write(&mut self) {
        let _ = self.output.write_all(&self.lines);
        self.lines.clear();
    }
}

impl<W> Clone for Lines<W> {
    fn clone(&self) -> Self {
        Self {
            waiting: Arc::clone(&self.waiting),
            came: Arc::clone(&self.came),
        }
    }
}

impl<W: Write> Lines<W> {
    fn to(output: W) -> Self {
        let lines = Vec::new();
        Self {
            waiting: Arc::new(Mutex::new(Waiting { lines, output })),
            came: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<W>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_writing(&self) -> ! {
        loop {
            let came = self
                .came
                .wait_while(self.lock(), |waiting| waiting.lines.is_empty());
            drop(came);
            thread::sleep(PAUSE);
            self.lock().write();
        }
    }

    fn add(&self, line: &[u8], at_once: bool) {
        let mut waiting = self.lock();
        let is_first = waiting.lines.is_empty();
        waiting.lines.extend_from_slice(line);
        if at_once || waiting.lines.len() >= ENOUGH {
            waiting.write();
        } else if is_first {
            self.came.notify_one();
        }
    }
}

impl<'a, W: Write + 'static> MakeWriter<'a> for Lines<W> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line {
            lines: self,
            at_once: true,
        }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Self::Writer {
        Line {
            lines: self,
            at_once: *of.level() <= Level::WARN,
        }
    }
}

/// One line on its way.
struct Line<'a, W> {
    lines: &'a Lines<W>,
    at_once: bool,
}

impl<W: Write> Write for Line<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.add(line, self.at_once);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn written(lines: &Lines<Vec<u8>>) -> String {
        String::from_utf8(lines.lock().output.clone()).unwrap()
    }

    #[test]
    fn a_warning_goes_out_with_all_before_it() {
        let lines = Lines::to(Vec::new());
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_writer(lines.clone())
            .finish();
        tracing::subscriber::with_default(log, || {
            tracing::info!("asked");
            assert_eq!(written(&lines), "");
            tracing::warn!("odd");
            assert_eq!(written(&lines), " INFO asked\n WARN odd\n");
            tracing::error!("wrong");
            assert_eq!(written(&lines), " INFO asked\n WARN odd\nERROR wrong\n");
        });
    }

    #[test]
    fn enough_is_written_without_waiting() {
        let lines = Lines::to(Vec::new());
        let line = [b'x'; 1024];
        for _ in 0..ENOUGH / line.len() - 1 {
            lines.add(&line, false);
        }
        assert_eq!(written(&lines), "");
        lines.add(&line, false);
        assert_eq!(written(&lines).len(), ENOUGH);
    }

    #[test]
    fn a_line_waits_for_a_while_only() {
        let lines = Lines::to(Vec::new());
        let writer = lines.clone();
        thread::spawn(move || writer.keep_writing());
        for (line, all) in [("one", "one"), (", two", "one, two")] {
            lines.add(line.as_bytes(), false);
            let begun = Instant::now();
            while written(&lines) != all {
                assert!(begun.elapsed() < Duration::from_secs(10), "never written");
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
