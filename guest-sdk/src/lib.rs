//! For authors of capabilities.
//!
//! A capability is a component whose exported WIT functions are its actions. Write its types and what it does in WIT,
//! implement the trait that [`capability!`] makes of it, and build for `wasm32-wasip2`; the manifest by which the engine
//! knows the capability follows from the WIT's documentation. `engine new` makes a project of this form.
//!
//! ```wit
//! package demo:hello@1.0.0;
//!
//! interface greeting {
//!     /// Greets somebody.
//!     ///
//!     /// @pure
//!     /// @example {"name": "Ada"} -> "Hello, Ada!"
//!     greet: func(name: string) -> string;
//! }
//!
//! world hello {
//!     export greeting;
//! }
//! ```
//!
//! ```ignore
//! use exports::demo::hello::greeting::Guest;
//!
//! guest_sdk::capability!(Hello);
//!
//! struct Hello;
//!
//! impl Guest for Hello {
//!     fn greet(name: String) -> String {
//!         format!("Hello, {name}!")
//!     }
//! }
//! ```
//!
//! # What the engine offers
//!
//! [`log`] writes messages, [`progress`] tells how far an action has come, and [`artifacts`] hands over files besides the
//! result. They become events of the call, and count against its limit on output. [`actions`] calls other capabilities,
//! as far as that is granted. What a capability does not use it does not import.

pub mod actions;
pub mod artifacts;
pub mod log;
pub mod progress;

pub use guest_sdk_macros::capability;
#[doc(hidden)]
pub use wit_bindgen;

/// What `wit/host.wit` offers, as the component model has it.
mod host {
    wit_bindgen::generate!({
        world: "imports",
        path: "wit",
    });

    pub(crate) use engine::host::{actions, artifacts, log, progress};
}
