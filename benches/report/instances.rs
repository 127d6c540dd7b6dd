//! Many instances at the same time.

use super::chart::{Line, Plot};
use super::{line, plain, wide};
use crate::children::{Task, ask};
use crate::live::{Cost, Host, Live, SPARE};

const COUNTS: [usize; 5] = [1, 2, 100, 1_000, 10_000 - SPARE];

pub(super) fn plots() -> anyhow::Result<Vec<Plot>> {
    let costs = |host| -> anyhow::Result<Vec<Cost>> {
        COUNTS
            .iter()
            .map(|count| {
                ask(&Task::Live(Live {
                    host,
                    count: *count,
                }))
            })
            .collect()
    };
    let hosts = [
        ("engine", costs(Host::Engine)?),
        ("bare, tuned", costs(Host::Bare)?),
    ];
    let failures: String = hosts
        .iter()
        .flat_map(|(name, costs)| costs.iter().map(move |cost| (name, cost)))
        .filter_map(|(name, cost)| {
            let why = cost.failed.as_deref()?;
            Some(format!(" {name}, with {} of them: {why}.", cost.count))
        })
        .collect();
    let lines = |figure: fn(&Cost) -> f64| -> Vec<Line> {
        hosts
            .iter()
            .map(|(name, costs)| {
                let whole = costs.iter().filter(|cost| cost.failed.is_none());
                line(name, whole.map(|cost| (cost.count as f64, figure(cost))))
            })
            .collect()
    };
    Ok(vec![
        Plot {
            title: "Memory with so many live instances".to_owned(),
            note: format!(
                "What the process holds while each of them waits in a call of the host, less what it held before.{failures}"
            ),
            across: wide("live instances"),
            up: wide("MiB"),
            lines: lines(|cost| {
                cost.with_them.saturating_sub(cost.before).max(4096) as f64 / 1048576.0
            }),
        },
        Plot {
            title: "Starting so many instances".to_owned(),
            note: "From the call to where it waits, on one thread, all of them kept alive."
                .to_owned(),
            across: wide("live instances"),
            up: plain("started in a second"),
            lines: lines(|cost| cost.starts_a_second),
        },
        Plot {
            title: "Calls beside so many live instances".to_owned(),
            note:
                "Echo of 64 bytes on a fresh instance each, on one thread, while the others wait."
                    .to_owned(),
            across: wide("live instances"),
            up: plain("calls in a second"),
            lines: lines(|cost| cost.calls_a_second),
        },
    ])
}
