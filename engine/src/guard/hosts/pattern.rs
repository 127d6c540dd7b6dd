use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Host;

use super::{HostFact, is_below, undotted};
use crate::types::{Fault, text};

/// A host, or all hosts below a domain, that a policy allows or bans.
///
/// Text form: `api.example.com`, or `*.example.com` for every host below `example.com` but not itself;
/// before it `https://` may stand, after it `:8443`. What is allowed is always `https`, on port 443 if none is written;
/// a ban is on every scheme and port that is not written.
/// Addresses are not taken: whoever has an address today may be somebody else tomorrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// As it was written.
    text: String,
    below: bool,
    /// Canonical, as in a [`HostFact`].
    domain: String,
    /// Whether the scheme was written.
    secure: bool,
    /// The port that was written.
    port: Option<u16>,
}

impl HostPattern {
    /// Whether a policy that permits with this pattern means that host.
    pub(crate) fn allows(&self, host: &HostFact) -> bool {
        self.names(host) && host.scheme == "https" && host.port == self.port.unwrap_or(443)
    }

    /// Whether a policy that bans with this pattern means that host.
    pub(crate) fn bans(&self, host: &HostFact) -> bool {
        self.names(host)
            && (!self.secure || host.scheme == "https")
            && self.port.is_none_or(|port| host.port == port)
    }

    fn names(&self, host: &HostFact) -> bool {
        if self.below {
            is_below(&host.host, &self.domain)
        } else {
            host.host == self.domain
        }
    }
}

impl FromStr for HostPattern {
    type Err = Fault;

    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` that says what is wrong with the text.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let refuse = |why: &str| {
            Fault::config(format!(
                "`{}` is not a rule for hosts: {why}",
                text::line(text, 256)
            ))
            .hint("write `api.example.com`, or `*.example.com` for every host below it; a port may follow, such as `:8443`")
        };
        let stripped = text.strip_prefix("https://");
        let rest = stripped.unwrap_or(text);
        if rest.contains("://") {
            return Err(refuse("only `https` can be allowed"));
        }
        let (name, port) = match rest.split_once(':') {
            None => (rest, None),
            Some((name, digits)) => {
                let port = digits
                    .parse::<u16>()
                    .ok()
                    .filter(|port| *port > 0 && port.to_string() == digits)
                    .ok_or_else(|| refuse("its port is not a number from 1 to 65535"))?;
                (name, Some(port))
            }
        };
        let (below, name) = match name.strip_prefix("*.") {
            Some(domain) => (true, domain),
            None => (false, name),
        };
        if name.contains('*') {
            return Err(refuse("a `*` stands for whole parts at the start alone"));
        }
        let odd = |c: char| {
            c.is_whitespace() || c.is_control() || text::acts(c) || "/\\?#@%[]<>|^".contains(c)
        };
        if let Some(c) = name.chars().find(|c| odd(*c)) {
            let shown = text::line(&c.to_string(), 16);
            return Err(refuse(&format!("a host has no `{shown}`")));
        }
        let domain = match Host::parse(name) {
            Ok(Host::Domain(domain)) => undotted(&domain).to_owned(),
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(refuse("it is an address")),
            Err(_) => return Err(refuse("it has no valid name")),
        };
        if domain.len() > 253
            || domain
                .split('.')
                .any(|part| !(1..=63).contains(&part.len()))
        {
            return Err(refuse("a part of its name is empty or too long"));
        }
        if below && !domain.contains('.') {
            return Err(refuse("it would allow a whole top-level domain"));
        }
        Ok(Self {
            text: text.to_owned(),
            below,
            domain,
            secure: stripped.is_some(),
            port,
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|fault: Fault| {
            let hints = fault.hints().join("; ");
            D::Error::custom(format_args!("{fault}; {hints}"))
        })
    }
}

#[cfg(test)]
mod tests;
