//! Where runs are driven, and what ends them from outside.

use engine::Fault;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

/// A runtime on this thread.
pub(super) fn runtime() -> Result<Runtime, Fault> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::system("starting the asynchronous runtime").caused_by(error))
}

/// Sent to a process that writes more to a file than it may; the same number on all of Unix that we
/// run on.
pub(in crate::commands) const FILE_TOO_LARGE: i32 = 25;

/// Does something on the first interrupt, hang-up or request to terminate; the second ends the process.
///
/// Listens from now on, and not when the runtime comes round to it. Has to be called on a runtime.
pub(super) fn on_first(then: impl FnOnce() + Send + 'static) {
    // Without a handler, a signal ends the process, as it does by default.
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hang_up)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return;
    };
    // Caught, so that a guest that writes too large a file gets an error, and not the engine.
    let _caught = signal(SignalKind::from_raw(FILE_TOO_LARGE));
    tokio::spawn(async move {
        let mut asked = async || {
            tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
                _ = hang_up.recv() => 129,
            }
        };
        asked().await;
        then();
        let code = asked().await;
        #[expect(
            clippy::exit,
            reason = "the user insists, and the first signal was not enough"
        )]
        std::process::exit(code);
    });
}
