//! `cargo xtask bench --report`: the figures and how they grow, as a page and as JSON.

mod chart;
mod components;
mod growth;
mod instances;
mod limit;
mod page;
mod steps;

use std::path::Path;

use serde_json::json;

use self::chart::{Axis, Line, Plot, Scale};
use crate::rows;

pub(crate) use self::components::Components;

/// A group of plots: its name, and what measures it.
type Group = (&'static str, fn() -> anyhow::Result<Vec<Plot>>);

const GROUPS: [Group; 5] = [
    ("instances", instances::plots),
    ("limit", limit::plots),
    ("components", components::plots),
    ("growth", growth::plots),
    ("steps", steps::plots),
];

/// Writes the page to a file, and the numbers beside it.
pub(crate) fn write(page: &Path, numbers: &Path) -> anyhow::Result<()> {
    let rows = rows::measure(&[]);
    print!("{}", crate::table::text(&rows));
    let (mut plots, mut failed) = (Vec::new(), Vec::new());
    for (name, measure) in GROUPS {
        eprintln!("measuring how it grows: {name} …");
        match measure() {
            Ok(measured) => plots.extend(measured),
            Err(error) => failed.push(format!("{name}: {error:#}")),
        }
    }
    let about = about();
    let told: serde_json::Map<_, _> = about
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let kept = json!({ "about": told, "figures": rows, "plots": plots });
    std::fs::write(numbers, serde_json::to_vec_pretty(&kept)?)?;
    std::fs::write(page, page::page(&about, &rows, &plots)?)?;
    println!("\n{}\n{}", page.display(), numbers.display());
    anyhow::ensure!(failed.is_empty(), "not drawn: {}", failed.join("; "));
    Ok(())
}

/// On what it was measured, with what, and when.
fn about() -> page::About {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned())
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or_default();
    let scans = wasmtime::PoolingAllocationConfig::is_pagemap_scan_available();
    // What the build knows and this program does not.
    let told = |name| std::env::var(name).unwrap_or_else(|_| "not told".to_owned());
    vec![
        (
            "date",
            jiff::Timestamp::now()
                .strftime("%Y-%m-%d %H:%M UTC")
                .to_string(),
        ),
        (
            "machine",
            format!(
                "{processor}, {cores} cores, {:.1} GiB",
                memory as f64 / 1048576.0
            ),
        ),
        (
            "system",
            format!(
                "Linux {}, PAGEMAP_SCAN {}",
                read("/proc/sys/kernel/osrelease").trim(),
                if scans { "there" } else { "not there" }
            ),
        ),
        ("versions", told("ENGINE_BENCH_VERSIONS")),
        (
            "commands",
            "cargo xtask bench for the table, cargo xtask bench --report for this page".to_owned(),
        ),
    ]
}

/// An axis whose values are far apart.
fn wide(label: &str) -> Axis {
    Axis {
        label: label.to_owned(),
        scale: Scale::Logarithmic,
    }
}

/// An axis that begins at zero.
fn plain(label: &str) -> Axis {
    Axis {
        label: label.to_owned(),
        scale: Scale::Linear,
    }
}

fn line(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Line {
    Line {
        name: name.to_owned(),
        points: points.into_iter().collect(),
    }
}
