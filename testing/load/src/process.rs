//! The resources of processes, from `/proc`.

use std::{fs, time::Duration};

use serde::Serialize;

/// CPU time so far, in seconds.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) server: f64,
    pub(crate) database: f64,
    pub(crate) bench: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cores {
    pub(crate) server: f64,
    pub(crate) database: f64,
    pub(crate) bench: f64,
}

impl Usage {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            server: self.server + other.server,
            database: self.database + other.database,
            bench: self.bench + other.bench,
        }
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            server: self.server - other.server,
            database: self.database - other.database,
            bench: self.bench - other.bench,
        }
    }

    pub(crate) fn per_second(self, took: Duration) -> Cores {
        let seconds = took.as_secs_f64();
        Cores {
            server: self.server / seconds,
            database: self.database / seconds,
            bench: self.bench / seconds,
        }
    }
}

/// Linux counts in hundredths of a second.
const TICKS: f64 = 100.0;

/// Returns the CPU seconds of a process.
pub(crate) fn cpu(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |stat| stat.own)
}

/// Returns the CPU seconds of a process and of all its children, including ended ones.
pub(crate) fn cpu_of_family(pid: u32) -> f64 {
    let ended = stat(pid).map_or(0.0, |stat| stat.own + stat.ended);
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let children = pids.filter_map(stat).filter(|stat| stat.parent == pid);
    ended + children.map(|stat| stat.own).sum::<f64>()
}

/// Returns the resident memory of a process in bytes.
pub(crate) fn memory(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024.0)
}

struct Stat {
    parent: u32,
    own: f64,
    ended: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain any character, and ends with the last bracket.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (ticks(11)? + ticks(12)?) / TICKS,
        ended: (ticks(13)? + ticks(14)?) / TICKS,
    })
}
