//! A store written from scratch, with the required methods only: what a backend must do, in plain Rust.
//!
//! `store.rs` is what it keeps, `conversations.rs` and `outbox.rs` are the two required traits. Sentences in quotes are
//! those of the contract in `messaging_core::store`. This file uses the store and proves it:
//!
//! ```sh
//! cargo run -p messaging-core --example custom_store     # uses it, then runs all that it claims to keep
//! cargo test -p messaging-core --example custom_store    # the same cases, one test each
//! ```

#![expect(clippy::print_stdout, reason = "a program that reports")]

mod conversations;
mod outbox;
mod store;

use std::{
    error::Error,
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::LazyLock,
};

use futures_util::future::BoxFuture;
use messaging_core::{
    Body, HistoryRequest, Messaging, OpenConversation, SendMessage, participant::MarkOnRead,
};
use messaging_testkit::{Backend, Fresh, cases, compare_with_model, fake, has_capabilities, make, storm};
use tokio::runtime::{Builder, Runtime};

use crate::store::CustomStore;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    block_on(a_conversation())?;
    Ok(prove())
}

/// A conversation on the store: opened, written, read, and published by a worker.
async fn a_conversation() -> Result<(), Box<dyn Error>> {
    let realtime = fake::RecordingRealtime::new();
    let (messaging, workers) = Messaging::builder(CustomStore::default(), fake::FakeDirectory::new())
        .realtime(realtime.clone())
        .build()?;
    let (client, agent) = (make::client(1), make::agent(1));

    let open = OpenConversation::new(make::agency_id(1)).with_booking(make::booking_id(1, 1));
    let conversation_id = messaging.open_conversation(&client, &open).await?.conversation.id();
    let hello = SendMessage::new(conversation_id, Body::parse("Is the hut open in May?")?);
    messaging.send_message(&client, &hello).await?;
    println!("unread by the agent: {}", messaging.count_unread(&agent).await?);

    let request = HistoryRequest::newest(conversation_id).with_mark(MarkOnRead::Yes);
    for message in messaging.history(&agent, &request).await?.messages {
        println!("the agent reads: {}", message.text.as_str());
    }
    println!("unread by the agent: {}", messaging.count_unread(&agent).await?);

    // Told to stop, a worker publishes what is left before it ends.
    workers.run(ready(())).await;
    for event in realtime.events() {
        println!("published: {} on {}", event.name, event.channel);
    }
    Ok(())
}

/// Every case that needs no capability, the model and the storm, each on new stores. A case fails by a panic.
fn prove() -> ExitCode {
    let (mut passed, mut failed) = (0, 0);
    let mut check = |name: &str, is_kept: &dyn Fn()| {
        if catch_unwind(AssertUnwindSafe(is_kept)).is_ok() {
            passed += 1;
        } else {
            failed += 1;
            println!("FAILED: {name}");
        }
    };
    check("no capability is claimed", &|| has_capabilities(&Custom, &[]));
    for case in cases().into_iter().filter(|case| case.needs == ["required"]) {
        check(&format!("{case:?}"), &|| case.run(&Custom));
    }
    check("the model", &|| compare_with_model(&Custom));
    check("the storm", &|| storm(&Custom));
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}

/// The store as the testkit takes it: where its futures run, and how a new one is made.
struct Custom;

impl Backend for Custom {
    fn run(&self, future: BoxFuture<'_, ()>) {
        block_on(future);
    }

    fn fresh(&self) -> BoxFuture<'_, Fresh> {
        Box::pin(ready(Fresh::new(CustomStore::default(), ())))
    }
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made")
});

fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// One line makes a test of each case.
#[cfg(test)]
mod conformance {
    use super::{CustomStore, block_on, ready};

    messaging_testkit::conformance!(block_on, || ready((CustomStore::default(), ())), []);
}
