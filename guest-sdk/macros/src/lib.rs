//! The macro `capability!`, which `guest-sdk` hands on.

use std::path::PathBuf;

use guest_sdk_manifest::Capability;
use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;
use syn::parse::{Error, Parse, ParseStream, Result};
use syn::{Ident, LitStr, Token};

/// Makes a capability of a WIT world and the type that implements it.
///
/// `capability!(Hello)` reads the package in the directory `wit` beside `Cargo.toml`; `capability!(Hello in "../wit")`
/// another one, and `capability!(Hello in "../wit" as "world")` the one of several worlds. It makes a trait of every
/// exported interface, for the type to implement, hands the type to the component's exports, and puts the manifest that
/// the WIT's documentation describes into the component.
///
/// # Errors
///
/// It does not compile if the WIT cannot be read, a function is exported at world level, a function does not say what it
/// does (`@pure` or `@effects`), or a tag is not known or makes no sense; the message says what to write.
///
/// # Example
///
/// ```ignore
/// use exports::demo::hello::greeting::Guest;
///
/// guest_sdk::capability!(Hello);
///
/// struct Hello;
///
/// impl Guest for Hello {
///     fn greet(name: String) -> String {
///         format!("Hello, {name}!")
///     }
/// }
/// ```
#[proc_macro]
pub fn capability(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    syn::parse_macro_input!(input as Input)
        .expand()
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

struct Input {
    implementor: Ident,
    path: Option<LitStr>,
    world: Option<LitStr>,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let implementor = input.parse()?;
        let mut path = None;
        let mut world = None;
        if input.parse::<Option<Token![in]>>()?.is_some() {
            path = Some(input.parse()?);
        }
        if input.parse::<Option<Token![as]>>()?.is_some() {
            world = Some(input.parse()?);
        }
        Ok(Self {
            implementor,
            path,
            world,
        })
    }
}

impl Input {
    fn expand(self) -> Result<TokenStream> {
        let place = self
            .path
            .as_ref()
            .map_or_else(Span::call_site, LitStr::span);
        let path = self
            .path
            .as_ref()
            .map_or_else(|| "wit".to_owned(), LitStr::value);
        // Cargo says where the crate that is compiled lies.
        let root = std::env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .unwrap_or_default();
        let dir = root.join(&path);
        let world = self.world.as_ref().map(LitStr::value);
        let capability = Capability::read(&dir, world.as_deref()).map_err(|problem| {
            match problem.location() {
                // What is read out of a file shows its place itself.
                Some(location) if !problem.place().is_empty() => {
                    Error::new(place, format!("{location}: {problem}"))
                }
                Some(_) | None => Error::new(place, problem),
            }
        })?;

        let manifest = capability.manifest();
        let length = manifest.len();
        let bytes = Literal::byte_string(manifest.as_bytes());
        let world = capability.world();
        let implementor = self.implementor;
        Ok(quote! {
            ::guest_sdk::wit_bindgen::generate!({
                world: #world,
                path: #path,
                runtime_path: "::guest_sdk::wit_bindgen::rt",
                generate_all,
            });

            export!(#implementor);

            const _: () = {
                #[cfg_attr(target_family = "wasm", unsafe(link_section = "engine:manifest"))]
                #[used]
                static MANIFEST: [u8; #length] = *#bytes;
            };
        })
    }
}
