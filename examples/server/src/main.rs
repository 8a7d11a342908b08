//! The example host: a small marketplace whose clients and agents exchange messages.

mod app;
mod assets;
mod bookings;
mod config;
mod connection_limit;
mod cross_site;
mod data_dir;
mod demo;
mod directory;
mod environment;
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
mod security_headers;
mod serve;
mod shutdown;
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
use messaging_axum::{ServerError, Stopped};
use tracing_subscriber::EnvFilter;

use crate::{
    app::App,
    config::{Command, Config},
    mail::Mail,
    metrics::Metrics,
    realtime::Realtime,
    storage::Storage,
};

/// A request makes many small allocations on one thread and frees them on another, which mimalloc handles well.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut config = Config::read().unwrap_or_else(|error| error.exit());
    init_logging(&config)?;
    match config.command.take() {
        Some(command) => {
            let storage = Storage::open_existing(config.database(), &config.data_dir).await?;
            let result = match command {
                Command::Export(args) => personal::export(&storage, args).await,
                Command::Erase(args) => personal::erase(&storage, args).await,
                Command::Verify(args) => verify::run(&storage, args).await,
                Command::Outbox { command } => outbox::run(&storage, command).await,
            };
            storage.close().await;
            result
        }
        None => serve(config).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let realtime = Realtime::new(
        config.pusher().context("Pusher is not fully configured")?,
        config.max_websockets,
    )?;
    let listener = serve::listen(config.bind);
    let listener = listener.with_context(|| format!("cannot listen on {}", config.bind))?;
    let storage = Storage::open(config.database(), &config.data_dir).await?;
    let address = listener.local_addr()?;
    log_startup(address, &storage, &realtime);
    let base = config.public_url.clone();
    let base = base.unwrap_or_else(|| url_of(address));
    let mail = Mail::new(
        config.smtp_url(),
        &config.mail_from,
        base.trim_end_matches('/').to_owned(),
    )?;
    if let Mail::Page(_) = mail {
        tracing::info!(
            "SMTP_URL is not set; e-mails are shown at {}/demo/mail",
            url_of(address)
        );
    }
    let app = App::new(storage, realtime, mail, Metrics::install()?, &config)?;
    match app.serve(listener).await {
        // Hanging tasks would also block the end of the runtime. No acknowledged message is lost.
        Ok(Stopped::TimedOut) => std::process::exit(0),
        Err(ServerError::Interrupted) => std::process::exit(1),
        ended => ended.map(|_| ()).map_err(Into::into),
    }
}

fn init_logging(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log).context("RUST_LOG is not a valid log filter")?;
    // This target logs lines of the password file.
    let filter = filter.add_directive("sqlx_postgres::options::pgpass=off".parse()?);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    Ok(())
}

fn log_startup(address: SocketAddr, storage: &Storage, realtime: &Realtime) {
    tracing::warn!("the login is for demonstration only: any client can act as any user");
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "listening beyond this machine: the whole network can reach this server");
    }
    if storage.is_shared() && realtime.is_embedded() {
        tracing::warn!(
            "the channels are embedded in this process: clients connected here do not receive events published by other \
             servers on the same database until their next fetch; configure Pusher or a compatible server"
        );
    }
    let url = url_of(address);
    tracing::info!("open {url}/ in two windows; the HTTP reference is {url}/docs");
}

/// The URL of the server for a browser on this machine.
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
