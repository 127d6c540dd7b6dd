//! Which host a URL names, and which hosts a policy means.

mod address;
mod pattern;

use std::net::IpAddr;

use url::{Host, Url};

pub use pattern::HostPattern;

pub(crate) use address::is_global;

/// What is known about the host of one URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFact {
    /// The scheme, in lower case.
    pub scheme: String,
    /// Canonical: ASCII (IDNA), lower case, no trailing dot; an address in its normal form.
    pub host: String,
    /// The port, the scheme's default where none was written; 0 if the scheme has none that is known.
    pub port: u16,
    /// Whether it is an address, or a name for one, that is not on the public network.
    pub private: bool,
    /// Whether a user name or password was written before the host.
    pub userinfo: bool,
}

impl HostFact {
    /// A text that two facts share only if they are the same. No path looks like it.
    pub(super) fn key(&self) -> String {
        let Self {
            scheme,
            host,
            port,
            private,
            userinfo,
        } = self;
        format!("{scheme}\0{host}\0{port}\0{private}\0{userinfo}")
    }
}

/// Names of the machine itself and of networks that are not public.
///
/// Sources: RFC 6761 (`localhost`), RFC 6762 (`local`), RFC 8375 (`home.arpa`), and ICANN's reservation
/// of `internal`, where clouds keep `metadata.google.internal`.
const PRIVATE_ZONES: [&str; 5] = ["localhost", "localdomain", "local", "internal", "home.arpa"];

/// Names under which clouds tell a machine its own secrets, outside the zones above.
const METADATA: [&str; 3] = [
    "metadata.goog",
    "metadata.tencentyun.com",
    "metadata.platformequinix.com",
];

/// The host that a URL names; `None` if it names none or cannot be read.
pub(crate) fn host_of(url: &str) -> Option<HostFact> {
    let parsed = Url::parse(url)
        .or_else(|_| Url::parse(&without_zone(url)))
        .ok()?;
    let host = canonical(parsed.host()?);
    Some(HostFact {
        scheme: parsed.scheme().to_owned(),
        port: parsed.port_or_known_default().unwrap_or(0),
        private: is_private(&host),
        host: text_of(&host),
        userinfo: !parsed.username().is_empty() || parsed.password().is_some(),
    })
}

/// A URL without the zone of its address, as in `[fe80::1%eth0]`, which has no meaning elsewhere.
fn without_zone(url: &str) -> String {
    let cut = || {
        let (before, bracketed) = url.split_once('[')?;
        let (address, after) = bracketed.split_once(']')?;
        let (address, _) = address.split_once('%')?;
        Some(format!("{before}[{address}]{after}"))
    };
    cut().unwrap_or_default()
}

/// The host in the one form that all its spellings share.
///
/// Only for `http` and its like does the parser see addresses and international names; whoever connects
/// does so for every scheme.
fn canonical(host: Host<&str>) -> Host<String> {
    match host {
        Host::Domain(name) => {
            match Host::parse(name).unwrap_or_else(|_| Host::Domain(name.to_ascii_lowercase())) {
                Host::Domain(name) => Host::Domain(undotted(&name).to_owned()),
                address @ (Host::Ipv4(_) | Host::Ipv6(_)) => address,
            }
        }
        Host::Ipv4(address) => Host::Ipv4(address),
        Host::Ipv6(address) => Host::Ipv6(address),
    }
}

/// A name without the dot of the root.
fn undotted(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn text_of(host: &Host<String>) -> String {
    match host {
        Host::Domain(name) => name.clone(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

fn is_private(host: &Host<String>) -> bool {
    match host {
        Host::Ipv4(address) => !is_global(IpAddr::V4(*address)),
        Host::Ipv6(address) => !is_global(IpAddr::V6(*address)),
        // A name of one part is looked up in the machine's own network.
        Host::Domain(name) => {
            !name.contains('.')
                || METADATA.contains(&name.as_str())
                || PRIVATE_ZONES.iter().any(|zone| is_within(name, zone))
        }
    }
}

/// Whether a name is a domain or below it.
fn is_within(name: &str, domain: &str) -> bool {
    name == domain || is_below(name, domain)
}

/// Whether a name is below a domain, at least one part longer.
fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .and_then(|rest| rest.strip_suffix('.'))
        .is_some_and(|sub| sub.split('.').all(|part| !part.is_empty()))
}

#[cfg(test)]
mod tests;
