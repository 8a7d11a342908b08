use std::io::{self, Write};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

use super::Shared;

/// Captures log output while the guard lives.
#[derive(Clone, Default)]
pub(crate) struct Log(Shared<Vec<u8>>);

impl Log {
    pub(crate) fn capture(&self) -> DefaultGuard {
        self.capture_with_spans(FmtSpan::NONE)
    }

    /// Also captures span events.
    pub(crate) fn capture_with_spans(&self, spans: FmtSpan) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(spans)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn clear(&self) {
        self.0.lock().expect("no panic").clear();
    }

    pub(crate) fn lines_with(&self, text: &str) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text");
        log.lines()
            .filter(|line| line.contains(text))
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
