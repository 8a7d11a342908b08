//! Fakes of the ports: recording ones, ones that fail on demand, and mocks.

mod directory;
mod failing;
mod mock;
mod realtime;
mod signal;

pub use directory::FakeDirectory;
pub use failing::{Effect, FailingStore, Held};
pub use mock::{MockAccessPolicy, MockDirectory, MockPresence, MockRealtime};
pub use realtime::RecordingRealtime;

pub(crate) use signal::Signal;
