//! For authors of capabilities.
//!
//! A capability is a component whose exported WIT functions are its actions. [`bindings!`] turns a WIT
//! world into a Rust trait; implement the trait, hand the type to `export!`, and build for
//! `wasm32-wasip2`.

#[doc(hidden)]
pub use wit_bindgen;

/// Makes Rust types and traits of a WIT world, and an `export!` macro for the type that implements them.
///
/// The path is relative to the capability's `Cargo.toml`.
///
/// # Example
///
/// ```ignore
/// guest_sdk::bindings!("text" in "../../wit/text");
///
/// struct Text;
///
/// impl exports::engine::text::analysis::Guest for Text {
///     // one method for each function of the interface
/// }
///
/// export!(Text);
/// ```
#[macro_export]
macro_rules! bindings {
    ($world:literal in $path:literal) => {
        $crate::wit_bindgen::generate!({
            world: $world,
            path: $path,
            runtime_path: "guest_sdk::wit_bindgen::rt",
            generate_all,
        });
    };
}

/// Puts a manifest into the component: the JSON file that says what its functions do and need.
///
/// The path is relative to the source file. The engine reads it from the custom section `engine:manifest`
/// and refuses to load a component whose manifest makes no sense.
///
/// # Example
///
/// ```ignore
/// guest_sdk::manifest!("../manifest.json");
/// ```
#[macro_export]
macro_rules! manifest {
    ($path:literal) => {
        #[unsafe(link_section = "engine:manifest")]
        #[used]
        static MANIFEST: [u8; include_bytes!($path).len()] = *include_bytes!($path);
    };
}
