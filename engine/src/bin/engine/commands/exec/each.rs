//! `engine exec --each`: a stream of calls.

use std::process::ExitCode;
use std::sync::Arc;

use engine::data::{Cancel, Tally, block};
use engine::{Call, Code, Compiled, Engine, Fault, Outcome, Status};
use tokio::sync::Notify;

use super::interrupt;
use super::listeners::Listeners;
use crate::args::Output;
use crate::commands::artifacts::not_kept;
use crate::exit;
use crate::lines::read_lines;
use crate::render::{self, Answer, Answers, Printer, Screen};

/// How each call is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) output: Output,
    /// Whether people are told what the guest printed.
    pub(super) guest: bool,
}

/// What came of all calls.
pub(super) struct Ended {
    calls: u64,
    failed: u64,
    /// The first that did not end `ok`.
    first: Option<First>,
    how: How,
}

struct First {
    line: u64,
    code: Option<Code>,
    exit: ExitCode,
}

/// Why there are no more calls.
enum How {
    /// There are no more lines.
    Done,
    Interrupted,
    /// Nobody reads the answers any more.
    ReaderGone,
    /// Lines cannot be read, or answers not written.
    Failed(Fault),
}

/// Calls the function with each line of standard input. The first interrupt cancels the call that runs and is the last,
/// the second ends the process.
pub(super) fn run(
    engine: &Engine,
    component: &Compiled,
    call: &Call,
    form: Form,
    screen: Screen,
) -> Result<Ended, Fault> {
    let runtime = interrupt::runtime()?;
    let ended = runtime.block_on(async {
        let cancel = Cancel::new();
        let interrupted = Arc::new(Notify::new());
        interrupt::on_first({
            let (cancel, interrupted) = (cancel.clone(), interrupted.clone());
            move || {
                screen.interrupt();
                cancel.cancel();
                interrupted.notify_one();
            }
        });
        let mut lines = read_lines()?;
        let answers = Answers::start();
        let call = call.clone().cancelled_by(cancel.clone());
        let mut ended = Ended {
            calls: 0,
            failed: 0,
            first: None,
            how: How::Done,
        };
        'lines: loop {
            let next = tokio::select! {
                biased;
                () = interrupted.notified() => None,
                next = lines.recv() => next,
            };
            let batch = match next {
                None => break,
                Some(Ok(batch)) => batch,
                Some(Err(fault)) => {
                    ended.how = How::Failed(fault);
                    break;
                }
            };
            for line in batch {
                if cancel.is_cancelled() {
                    break 'lines;
                }
                let number = line.number();
                // As if it were alone: nothing is counted together with the lines before.
                let call = call.clone().tally(Tally::new());
                let outcome = match line.arguments() {
                    Ok(arguments) => engine.run(component, call.arguments(arguments)).await,
                    Err(fault) => engine.refuse(component.describe().name(), &call, fault),
                };
                ended.count(number, &outcome);
                if !answers.send(form.answer(number, &outcome)).await {
                    break 'lines;
                }
            }
        }
        if cancel.is_cancelled() {
            ended.how = How::Interrupted;
        }
        match answers.finish().await {
            Ok(true) => {}
            Ok(false) => ended.how = How::ReaderGone,
            Err(fault) => ended.how = How::Failed(fault),
        }
        Ok(ended)
    });
    // The thread that reads lines may wait for more of them for ever.
    runtime.shutdown_background();
    ended
}

/// Ends the listeners, and says what did not end well.
pub(super) fn tell(ended: Ended, mut listeners: Listeners, printer: &Printer) -> ExitCode {
    listeners.before_telling();
    let Ended {
        calls,
        failed,
        first,
        how,
    } = ended;
    let mut done = listeners.durable();
    let code = match (&how, &first) {
        (How::Interrupted, _) => exit::failed(Status::Cancelled),
        (How::Done | How::ReaderGone | How::Failed(_), Some(first)) => first.exit,
        (How::Done | How::ReaderGone | How::Failed(_), None) => ExitCode::SUCCESS,
    };
    if let Some(First { line, code, .. }) = first
        && !matches!(how, How::ReaderGone)
    {
        let code = code.map_or_else(String::new, |code| format!(" [{code}]"));
        printer.note(&format!(
            "{failed} of {calls} calls did not end ok; the first is that of line {line}{code}\n"
        ));
    }
    if let How::Failed(fault) = how {
        done = done.and(Err(fault));
    }
    done = done.and(listeners.end(printer));
    exit::after(code, done, printer)
}

impl Ended {
    fn count(&mut self, line: u64, outcome: &Outcome) {
        self.calls += 1;
        if outcome.status() == Status::Ok {
            return;
        }
        self.failed += 1;
        self.first.get_or_insert_with(|| First {
            line,
            code: outcome.fault().map(Fault::code),
            exit: exit::of(outcome),
        });
    }
}

impl Form {
    fn answer(self, line: u64, outcome: &Outcome) -> Answer {
        match self.output {
            Output::Json => Answer {
                aside: String::new(),
                line: outcome.to_json(),
            },
            Output::Text => {
                let mut aside = String::new();
                if self.guest {
                    for printed in [outcome.stdout(), outcome.stderr()] {
                        aside.push_str(&block(&String::from_utf8_lossy(printed)));
                        if !aside.is_empty() && !aside.ends_with('\n') {
                            aside.push('\n');
                        }
                    }
                }
                aside.push_str(&render::not_ok(line, outcome));
                aside.push_str(&not_kept(outcome, "--output json"));
                let ok = outcome.fault().is_none() && outcome.has_value();
                Answer {
                    aside,
                    line: if ok {
                        outcome.value().to_shown().into_owned()
                    } else {
                        String::new()
                    },
                }
            }
        }
    }
}
