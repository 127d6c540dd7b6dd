//! Which addresses are on the public network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one that any machine on the public network could be reached at.
///
/// An IPv6 address that stands for an IPv4 address is judged as that one.
///
/// Source of the ranges: IANA's special-purpose address registries for IPv4 and IPv6.
pub(crate) fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

fn is_global_v4(address: Ipv4Addr) -> bool {
    let special = matches!(
        address.octets(),
        [0, ..] // this network
            | [10, ..]
            | [100, 64..=127, ..] // behind a provider's translator
            | [127, ..]
            | [169, 254, ..] // link-local, and where clouds keep metadata
            | [172, 16..=31, ..]
            | [192, 0, 0, _] // protocol assignments
            | [192, 0, 2, _] // documentation
            | [192, 88, 99, _] // relays of 6to4
            | [192, 168, ..]
            | [198, 18..=19, ..] // benchmarks
            | [198, 51, 100, _] // documentation
            | [203, 0, 113, _] // documentation
            | [224..=255, ..] // multicast, reserved, broadcast
            | [168, 63, 129, 16] // public by its number, but the host of an Azure machine
    );
    !special
}

fn is_global_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_global_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Compatible (with `::` and `::1` as 0.0.0.0 and 0.0.0.1), mapped, and NAT64.
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        // Protocol assignments: Teredo, benchmarks, ORCHID.
        [0x2001, 0..=0x1ff, ..] => false,
        // Documentation.
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // The one block that is given out; unique local, link-local, site-local, multicast, discard,
        // local NAT64 and whatever comes next lie outside.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests;
