use serde::{Deserialize, Serialize};

use super::Config;
use crate::event::LoopKind;
use crate::types::Digest;

/// How many batches past the threshold the caller is stopped.
const MARGIN: u32 = 2;

/// One call of a batch. Whatever id the caller gave it does not matter here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Call {
    /// The capability and function.
    pub(crate) name: String,
    /// The digest of the arguments, in a form that is the same for equal arguments.
    pub(crate) arguments: Digest,
}

/// What is to become of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use = "a verdict stops nothing by itself"]
pub(crate) enum Verdict {
    /// It may run.
    Go,
    /// Each of its calls is answered with an error, so that the caller tries something else.
    Soft {
        /// How equal the batches are.
        kind: LoopKind,
        /// How many came in a row, with this one.
        count: u32,
        /// The threshold that they reached.
        threshold: u32,
    },
    /// The caller is stopped.
    Hard {
        /// How equal the batches are.
        kind: LoopKind,
        /// How many came in a row, with this one.
        count: u32,
        /// The threshold that they passed.
        threshold: u32,
    },
}

/// Counts equal batches in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Detector {
    config: Config,
    exact: Option<Row>,
    fuzzy: Option<Row>,
}

/// Batches in a row that are the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    of: Digest,
    count: u32,
}

impl Detector {
    /// Starts from nothing.
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            exact: None,
            fuzzy: None,
        }
    }

    /// Counts a batch and says what is to become of it.
    ///
    /// Every batch is to be recorded before anything else is decided about it, also one that the guard
    /// or a person then denies: a caller that insists on what is denied is in a loop, too. A batch
    /// without calls is none.
    ///
    /// `open` batches before it have not ended: they may still be the success that ends a fuzzy row, so they do
    /// not count in one.
    pub(crate) fn record(&mut self, batch: &[Call], open: u32) -> Verdict {
        let Some(most) = self.config.exact() else {
            return Verdict::Go;
        };
        if batch.is_empty() {
            return Verdict::Go;
        }
        let count = Row::extend(&mut self.exact, exactly(batch));
        if count >= most {
            // One loop is told of once: this batch does not count as a fuzzy one, too.
            return judge(LoopKind::Exact, count, most);
        }
        let Some(most) = self.config.fuzzy() else {
            return Verdict::Go;
        };
        let count = Row::extend(&mut self.fuzzy, fuzzily(batch));
        judge(LoopKind::Fuzzy, count.saturating_sub(open), most)
    }

    /// Takes in how the last batch ended; a denied or refused one did not succeed.
    ///
    /// To do the same thing to one file after the other is work, so success ends a fuzzy row. To do the
    /// very same thing again is none, so an exact row goes on.
    pub(crate) fn ended(&mut self, all_succeeded: bool) {
        if all_succeeded {
            self.fuzzy = None;
        }
    }
}

impl Verdict {
    /// What each call of a refused batch is answered with; `None` if the batch may run.
    pub(crate) fn refusal(&self) -> Option<String> {
        match self {
            Verdict::Go => None,
            Verdict::Soft { kind, count, .. } | Verdict::Hard { kind, count, .. } => {
                let what = match kind {
                    LoopKind::Exact => "the same calls with the same arguments",
                    LoopKind::Fuzzy => "the same calls with other arguments, not all successful,",
                };
                Some(format!(
                    "{what} came {count} times in a row: try another way"
                ))
            }
        }
    }
}

impl Row {
    /// Counts one more, or the first of another row.
    fn extend(row: &mut Option<Row>, of: Digest) -> u32 {
        let count = match row {
            Some(row) if row.of == of => row.count.saturating_add(1),
            Some(_) | None => 1,
        };
        *row = Some(Row { of, count });
        count
    }
}

fn judge(kind: LoopKind, count: u32, threshold: u32) -> Verdict {
    if count >= threshold.saturating_add(MARGIN) {
        Verdict::Hard {
            kind,
            count,
            threshold,
        }
    } else if count >= threshold {
        Verdict::Soft {
            kind,
            count,
            threshold,
        }
    } else {
        Verdict::Go
    }
}

/// Names a batch by its functions and arguments, in no order.
fn exactly(batch: &[Call]) -> Digest {
    let mut calls: Vec<&Call> = batch.iter().collect();
    calls.sort_unstable();
    Digest::of_parts(
        calls
            .into_iter()
            .flat_map(|call| [call.name.as_bytes(), call.arguments.as_bytes().as_slice()]),
    )
}

/// Names a batch by its functions, in no order.
fn fuzzily(batch: &[Call]) -> Digest {
    let mut names: Vec<&str> = batch.iter().map(|call| call.name.as_str()).collect();
    names.sort_unstable();
    Digest::of_parts(names.into_iter().map(str::as_bytes))
}
