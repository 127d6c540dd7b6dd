//! Embeds the engine: loads a component, calls it with JSON, listens to what happens.
//!
//! `cargo run -p engine --example embed target/capabilities/text.wasm`
#![expect(clippy::print_stdout, reason = "an example talks to people")]

use std::sync::Arc;

use engine::{Call, Config, Engine, Event, Limits, Sink, Source, WallTime};
use serde_json::json;

/// Prints the name of every event as it happens.
struct Names;

impl Sink for Names {
    fn emit(&self, event: &Arc<Event>) {
        println!("{:>3} {}", event.seq, event.kind.name());
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/capabilities/text.wasm".to_owned());

    let config = Config::new().limits(Limits::builder().wall(WallTime::secs(5)).build()?);
    let engine = Engine::builder().config(config).sink(Names).build()?;
    let text = engine.load(Source::file(path)?).await?;

    // The value, or the reason why there is none.
    let outcome = engine
        .call(
            &text,
            "count-words",
            json!({ "text": "to be or not to be" }),
        )
        .await?;
    println!("{} used {} fuel", outcome.value(), outcome.usage().fuel);

    // Everything about a call that does not go well: what it used, and what to try.
    let outcome = engine
        .run(&text, Call::function("count-word", json!({ "text": "" })))
        .await;
    if let Some(fault) = outcome.fault() {
        println!(
            "{fault} ({}), hint: {}",
            fault.code(),
            fault.hints().join("; ")
        );
    }
    Ok(())
}
