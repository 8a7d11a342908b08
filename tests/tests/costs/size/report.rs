use std::{fmt, iter::zip};

use messaging_core::domain::page::PageSize;

use crate::size::{reads::Reading, session::PLANNED};

/// The pages of the same reads in a small and in a large database.
pub(crate) struct Report {
    lines: Vec<Line>,
}

struct Line {
    name: String,
    small: u64,
    full: u64,
    faults: Vec<String>,
}

/// The tolerated growth at a hundred times the size: an index has one or two more levels.
const GROWTH: f64 = 1.5;
/// The tolerated number of additional pages, for reads that touch few: another plan may be as good.
/// Proportional growth would be a hundredfold.
const FEW: u64 = 10;
/// The maximum number of rows in a sort: the largest page, and one more row.
const PAGE: u64 = PageSize::MAX as u64 + 1;

impl Report {
    pub(crate) fn new(small: &[Reading], full: &[Reading]) -> Self {
        let mut lines = Vec::new();
        for (small, full) in zip(small, full) {
            assert_eq!(small.name, full.name);
            for (planned, (before, plan)) in zip(PLANNED, zip(&small.plans, &full.plans)) {
                let mut line = Line {
                    name: format!("{}, {planned}", full.name),
                    small: before.pages(),
                    full: plan.pages(),
                    faults: Vec::new(),
                };
                if line.growth() > GROWTH && line.full > line.small + FEW {
                    line.faults.push("grows".to_owned());
                }
                line.faults
                    .extend(plan.scanned().iter().map(|table| format!("scans {table}")));
                if plan.sorted() > full.rows.max(PAGE) {
                    line.faults
                        .push(format!("sorts {} rows for {}", plan.sorted(), full.rows));
                }
                lines.push(line);
            }
        }
        Self { lines }
    }

    pub(crate) fn is_fine(&self) -> bool {
        self.lines.iter().all(|line| line.faults.is_empty())
    }
}

impl Line {
    #[expect(clippy::cast_precision_loss, reason = "page counts are far below 2^52")]
    fn growth(&self) -> f64 {
        self.full as f64 / self.small as f64
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<52}{:>8}{:>8}{:>8}",
            "pages touched", "small", "full", "ratio"
        )?;
        for line in &self.lines {
            let Line {
                name,
                small,
                full,
                faults,
            } = line;
            let growth = line.growth();
            writeln!(
                f,
                "{name:<52}{small:>8}{full:>8}{growth:>8.2}  {}",
                faults.join(", ")
            )?;
        }
        Ok(())
    }
}
