use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use engine::data::{Level, Open, line};
use engine::{Event, EventKind, Sink};

use super::lines::logged;
use super::{Printer, YELLOW, granted};

/// Tells people what a run begins with, where that may surprise them.
pub(crate) struct Notes {
    printer: Printer,
    /// What was said already, where the same is said once.
    said: Option<Mutex<BTreeSet<String>>>,
}

/// The most notes that are remembered.
const MOST: usize = 1000;

impl Notes {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            said: None,
        }
    }

    /// For many runs of the same: says nothing twice.
    pub(crate) fn once(printer: Printer) -> Self {
        Self {
            printer,
            said: Some(Mutex::default()),
        }
    }

    fn note(&self, text: &str) {
        if let Some(said) = &self.said {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            if said.len() >= MOST {
                said.clear();
            }
            if !said.insert(text.to_owned()) {
                return;
            }
        }
        self.printer
            .note(&format!("{YELLOW}note:{YELLOW:#} {text}\n"));
    }
}

impl Sink for Notes {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "everything else is told where it matters"
    )]
    fn emit(&self, event: &Arc<Event>) {
        let note = |text: &str| self.note(text);
        match &event.kind {
            EventKind::ComponentLoaded { ungranted, .. } => {
                for import in ungranted {
                    note(&format!(
                        "`{}` is not granted: to use it ends the call",
                        line(import, 256)
                    ));
                }
            }
            EventKind::PermitIssued { unused, .. } => {
                for grant in unused {
                    note(&format!(
                        "not given, because the component does not ask for it: {}",
                        granted(grant)
                    ));
                }
            }
            EventKind::VerdictWarned(judged) => note(&format!(
                "{} is allowed with a warning: {} (`{}`)",
                line(&judged.action, 256),
                line(&judged.reason, 512),
                line(&judged.policies.join("`, `"), 512)
            )),
            EventKind::VerdictDenied(judged) | EventKind::VerdictKilled(judged) => note(&format!(
                "policy on {}: {} (`{}`)",
                line(&judged.action, 256),
                line(&judged.reason, 512),
                line(&judged.policies.join("`, `"), 512)
            )),
            EventKind::Logged { level, message } if matters(level) => {
                self.printer
                    .note(&format!("{}\n", logged(level, &message.text)));
            }
            _ => {}
        }
    }
}

/// Whether a message is for people, and not for its author alone.
pub(super) fn matters(level: &Open<Level>) -> bool {
    level.known().is_some_and(|level| *level >= Level::Info)
}

/// Tells people that no policy is asked.
pub(crate) fn unguarded(printer: &Printer) {
    printer.note(&format!(
        "{YELLOW}note:{YELLOW:#} the guard is off: no policy is asked\n"
    ));
}
