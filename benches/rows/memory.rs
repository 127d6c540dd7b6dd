//! What a live instance costs while it waits.

use crate::children::{Task, ask};
use crate::live::{Cost, Host, Live};
use crate::table::{Row, Target};

const FIGURE: &str = "idle memory of a live instance ÷ bare tuned pool";
const TARGET: Target = Target::AtMost(1.3);
/// How many live at the same time.
const COUNT: usize = 1_000;

pub(super) fn rows() -> Vec<Row> {
    let live = |host| ask::<Cost>(&Task::Live(Live { host, count: COUNT }));
    let row = match (live(Host::Engine), live(Host::Bare)) {
        (
            Ok(Cost {
                failed: Some(why), ..
            }),
            _,
        )
        | (
            _,
            Ok(Cost {
                failed: Some(why), ..
            }),
        ) => Row::missing(FIGURE, TARGET, why),
        (Ok(engine), Ok(bare)) => Row::times(
            FIGURE,
            TARGET,
            engine.each() / bare.each(),
            format!(
                "engine {:.1} KiB, bare {:.1} KiB, each of {COUNT}",
                engine.each() / 1024.0,
                bare.each() / 1024.0
            ),
        ),
        (Err(error), _) | (_, Err(error)) => Row::missing(FIGURE, TARGET, format!("{error:#}")),
    };
    vec![row]
}
