use std::collections::BTreeSet;

use crate::guard::{Grants, Layer};
use crate::types::{Digest, Fault, Limits, is_capability, text};

/// A configured capability: a name for one function of one component, with what the operator gives it.
///
/// # Example
///
/// ```no_run
/// use engine::data::Capability;
/// use engine::{Config, Grants, Rights, Source};
///
/// let source = Source::file("fs.wasm")?;
/// let read = Capability::new("fs.read.v1", source.digest(), "read")?
///     .grants(Grants::builder().dir("docs", "/docs", Rights::ReadOnly).build()?);
/// let config = Config::new().capability(read);
/// # Ok::<(), engine::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Capability {
    pub(super) name: String,
    pub(super) digest: Digest,
    pub(super) function: String,
    pub(super) component: String,
    pub(super) layer: Layer,
    pub(super) labels: BTreeSet<String>,
}

impl Capability {
    /// Pins a name to the component with this digest and one of its functions.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if the name is not one such as `fs.read.v1`.
    pub fn new(
        name: impl Into<String>,
        digest: Digest,
        function: impl Into<String>,
    ) -> Result<Self, Fault> {
        let name = name.into();
        if !is_capability(&name) {
            return Err(Fault::config(format!(
                "`{}` is not a capability's name",
                text::line(&name, 128)
            ))
            .hint("a name is lower-case words with a version, such as `fs.read.v1`"));
        }
        Ok(Self {
            name,
            digest,
            function: function.into(),
            component: String::new(),
            layer: Layer::default(),
            labels: BTreeSet::new(),
        })
    }

    /// The component's name, so that policies can speak of it while another one is called.
    #[must_use]
    pub fn component(mut self, name: impl Into<String>) -> Self {
        self.component = name.into();
        self
    }

    /// What calls of this capability may be given, in the place of what the configuration gives to all.
    #[must_use]
    pub fn grants(mut self, most: Grants) -> Self {
        self.layer.grants = Some(most);
        self
    }

    /// The most that calls of this capability may use, within the limits for all.
    #[must_use]
    pub fn limits(mut self, most: Limits) -> Self {
        self.layer.limits = Some(most);
        self
    }

    /// What its results are to be treated as, such as `untrusted` or `secret`: policies see the labels of all that
    /// flowed into a call's arguments.
    #[must_use]
    pub fn labels(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.labels.extend(labels.into_iter().map(Into::into));
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
