//! The example host: a small marketplace whose clients and agents talk to each other.

mod app;
mod assets;
mod bookings;
mod config;
mod cross_site;
mod data_dir;
mod demo;
mod directory;
mod environment;
mod guard;
mod health;
mod images;
mod login;
mod mail;
mod metrics;
mod names;
mod outbox;
mod personal;
mod realtime;
mod reference;
mod room;
mod serve;
mod signals;
mod stop;
mod storage;
mod users;
mod verify;
mod write_timeout;

use std::{
    io::{self, IsTerminal as _},
    net::SocketAddr,
    process::ExitCode,
};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::{
    app::App,
    config::{Command, Config},
    mail::Mail,
    metrics::Metrics,
    realtime::Realtime,
    signals::Signals,
    stop::End,
    storage::Storage,
};

/// A request makes many small allocations, on one thread, and frees them on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut config = Config::read().unwrap_or_else(|error| error.exit());
    log(&config)?;
    match config.command.take() {
        Some(command) => {
            let storage = Storage::open_existing(config.database(), &config.data_dir).await?;
            let ended = match command {
                Command::Export(of) => personal::export(&storage, of).await,
                Command::Erase(of) => personal::erase(&storage, of).await,
                Command::Verify(args) => verify::run(&storage, args).await,
                Command::OutboxStore { command } => outbox::run(&storage, command).await,
            };
            storage.close().await;
            ended
        }
        None => serve(config).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let realtime = Realtime::new(
        config.pusher().context("Pusher is not fully configured")?,
        config.max_websockets,
    )?;
    let mut signals = Signals::listen().context("signals cannot be caught")?;
    let listener = serve::listen(config.bind);
    let listener = listener.with_context(|| format!("cannot listen on {}", config.bind))?;
    let storage = Storage::open(config.database(), &config.data_dir).await?;
    let address = listener.local_addr()?;
    announce(address, &storage, &realtime);
    let base = config.public_url.clone();
    let base = base.unwrap_or_else(|| url_of(address));
    let mail = Mail::new(
        config.smtp_url(),
        &config.mail_from,
        base.trim_end_matches('/').to_owned(),
    )?;
    if let Mail::Page(_) = mail {
        tracing::info!("e-mails are shown at {}/demo/mail", url_of(address));
    }
    let app = App::on(storage, realtime, mail, Metrics::install()?, &config)?;
    let ended = app.serve(listener, async move {
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("stopped at once");
            std::process::exit(1);
        });
    });
    if ended.await? == End::CutOff {
        // What hangs would hold up the end of the runtime, too. Nothing acknowledged is lost.
        std::process::exit(0);
    }
    Ok(())
}

fn log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log).context("RUST_LOG cannot be understood")?;
    // It would log lines of a file of passwords.
    let filter = filter.add_directive("sqlx_postgres::options::pgpass=off".parse()?);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    Ok(())
}

fn announce(address: SocketAddr, storage: &Storage, realtime: &Realtime) {
    tracing::warn!("the login is for demonstration only: whoever reaches this server can be anyone");
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "listening beyond this machine: everyone on the network reaches this server");
    }
    if storage.is_shared() && realtime.is_of_this_process() {
        tracing::warn!(
            "the channels live in this process: of what others publish on the same database, who is connected \
             here sees nothing before the next fetch"
        );
    }
    tracing::info!("open {}/ in two windows", url_of(address));
}

/// Where a browser on this machine finds the server.
fn url_of(address: SocketAddr) -> String {
    let host = if address.ip().is_unspecified() {
        "localhost".to_owned()
    } else {
        host_of(address)
    };
    format!("http://{host}:{}", address.port())
}

fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }
}
