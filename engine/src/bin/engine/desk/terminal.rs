use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};

use engine::Clock as _;
use engine::data::{
    ApprovalAnswer, ApprovalDesk, ApprovalRequest, Approver, Principal, QuestionState, SystemClock,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{QueueSelector, tcflush};

use crate::render::{self, Screen};

/// Whoever sits at the terminal.
pub(crate) const OPERATOR: &str = "operator";
/// How often a question is put before it is left to somebody else.
const TIMES: usize = 3;
/// How long the terminal is listened to before the rest of the world is looked at, 200 ms.
const LISTENS: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};
/// No more than a word is read, whatever is pasted.
const MOST: usize = 64;

/// Asks whoever sits at the terminal.
pub(crate) struct Terminal {
    file: File,
    /// What else is drawn there, and has to keep still meanwhile.
    screen: Screen,
    /// Where somebody else may answer meanwhile.
    desk: Option<ApprovalDesk>,
}

/// What came over the terminal.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Yes,
    No,
    /// Neither.
    Else,
    /// Nobody will say anything: the end of the input, or an interrupt.
    Nobody,
    /// Somebody else answered, or the question is over.
    Over,
}

impl Terminal {
    /// `None` if nobody sits there.
    #[expect(
        clippy::disallowed_methods,
        reason = "the terminal itself, whatever the standard streams are"
    )]
    pub(crate) fn open(screen: Screen, desk: Option<ApprovalDesk>) -> Option<Self> {
        if !std::io::stderr().is_terminal() {
            return None;
        }
        let terminal = File::options()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        terminal.is_terminal().then_some(Self {
            file: terminal,
            screen,
            desk,
        })
    }

    /// Asks until there is an answer, or nobody who gives one.
    fn hear(&self, request: &ApprovalRequest) -> Heard {
        if self.is_over(request) {
            return Heard::Over;
        }
        self.tell(&format!("{}\n", render::approval(request)));
        for time in 1..=TIMES {
            // What was typed before the question was read is no answer to it.
            tcflush(&self.file, QueueSelector::IFlush).ok();
            self.tell("May this call run, once? [y/n] ");
            match self.word(request) {
                Heard::Else if time < TIMES => self.tell("answer `y` or `n`\n"),
                Heard::Else => {
                    self.tell("this is left unanswered\n");
                    return Heard::Else;
                }
                Heard::Over => {
                    self.tell("\nanswered elsewhere\n");
                    return Heard::Over;
                }
                Heard::Nobody => {
                    self.tell("\n");
                    return Heard::Nobody;
                }
                heard @ (Heard::Yes | Heard::No) => return heard,
            }
        }
        Heard::Else
    }

    /// Waits for a line.
    fn word(&self, request: &ApprovalRequest) -> Heard {
        loop {
            let mut listened = [PollFd::new(&self.file, PollFlags::IN)];
            match poll(&mut listened, Some(&LISTENS)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => break,
                Err(_) => return Heard::Nobody,
            }
            if self.screen.is_interrupted() {
                return Heard::Nobody;
            }
            if self.is_over(request) {
                return Heard::Over;
            }
        }
        let mut line = [0; MOST];
        // A terminal gives one line at a time.
        match (&self.file).read(&mut line) {
            Ok(0) | Err(_) => Heard::Nobody,
            Ok(length) => said(line.get(..length).unwrap_or_default()),
        }
    }

    /// Whether nobody has to answer any more.
    fn is_over(&self, request: &ApprovalRequest) -> bool {
        let Some(desk) = &self.desk else {
            return false;
        };
        // A store that cannot be read now may be read again in a moment.
        !matches!(
            desk.state(&request.id, &SystemClock::new()),
            Ok(QuestionState::Waiting) | Err(_)
        )
    }

    fn tell(&self, text: &str) {
        // Whoever does not see the question does not answer it.
        (&self.file).write_all(text.as_bytes()).ok();
    }
}

impl Approver for Terminal {
    fn ask(&self, request: &ApprovalRequest) -> Option<ApprovalAnswer> {
        let allowed = request.approvers.split(',').map(str::trim);
        if !request.approvers.is_empty() && !allowed.into_iter().any(|who| who == OPERATOR) {
            // Somebody else has to answer.
            return None;
        }
        let approved = match self.screen.alone(|| self.hear(request)) {
            Heard::Yes => true,
            Heard::No => false,
            Heard::Else | Heard::Nobody | Heard::Over => return None,
        };
        Some(ApprovalAnswer {
            approved,
            principal: Principal::new(OPERATOR),
            reason: String::new(),
            at: SystemClock::new().timestamp(),
        })
    }
}

/// What a line says. One that goes on after what was read says nothing.
fn said(line: &[u8]) -> Heard {
    let Some(line) = line.strip_suffix(b"\n") else {
        return Heard::Else;
    };
    match line.trim_ascii().to_ascii_lowercase().as_slice() {
        b"y" | b"yes" => Heard::Yes,
        b"n" | b"no" => Heard::No,
        _ => Heard::Else,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_of_four_words() {
        for (line, heard) in [
            ("y\n", Heard::Yes),
            (" YES \n", Heard::Yes),
            ("n\n", Heard::No),
            ("No\r\n", Heard::No),
            ("\n", Heard::Else),
            ("yy\n", Heard::Else),
            ("why?\n", Heard::Else),
            ("y", Heard::Else),
            ("\u{1b}[Ay\n", Heard::Else),
        ] {
            assert_eq!(said(line.as_bytes()), heard, "{line:?}");
        }
    }
}
