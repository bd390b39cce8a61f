//! Where relapse never sends anything: link-local addresses and the metadata services of clouds, however they are spelt.
//!
//! Literal addresses and names are refused when the configuration is read; every name again when it resolves, because a name may
//! point elsewhere by then.

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::Addrs;
use reqwest::dns::Name;
use reqwest::dns::Resolve;
use reqwest::dns::Resolving;

/// Names of metadata services.
const METADATA_NAMES: &[&str] =
    &["metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"];
/// Metadata services outside the link-local ranges (Alibaba; Oracle).
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
/// Amazon's over IPv6.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// A name resolved to an address nothing is sent to.
#[derive(Debug, thiserror::Error)]
#[error("send to {name}: it resolves to {address}, a link-local or metadata address")]
pub struct Forbidden {
    /// The name.
    pub name: String,
    /// The address.
    pub address: IpAddr,
}

/// Whether an address is link-local or a metadata service, also when it is wrapped in an IPv6 address.
pub fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => {
            let inner = embedded(v6).is_some_and(|v4| is_forbidden(IpAddr::V4(v4)));
            inner || v6.is_unicast_link_local() || METADATA_V6.contains(&v6)
        }
    }
}

/// Whether a host name is that of a metadata service.
pub fn is_metadata_name(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    METADATA_NAMES.iter().any(|name| host.eq_ignore_ascii_case(name))
}

/// The IPv4 address inside a mapped, compatible, 6to4 or NAT64 address.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = v6.to_bits();
    let from = |bits: u128| u32::try_from(bits & 0xffff_ffff).ok().map(Ipv4Addr::from_bits);
    match (bits >> 112, bits >> 96, bits >> 32) {
        (0x2002, _, _) => from(bits >> 80),
        (_, 0x0064_ff9b, _) | (_, _, 0 | 0xffff) => from(bits),
        _ => None,
    }
}

/// Resolves with the system's resolver and refuses a name that has any forbidden address.
#[derive(Debug, Clone)]
pub struct GuardedResolver {
    forbids: fn(IpAddr) -> bool,
}

impl GuardedResolver {
    /// The resolver every client of relapse uses.
    pub const fn new() -> Self {
        Self { forbids: is_forbidden }
    }

    /// The same with another idea of what is forbidden.
    pub const fn forbidding(forbids: fn(IpAddr) -> bool) -> Self {
        Self { forbids }
    }
}

impl Default for GuardedResolver {
    fn default() -> Self {
        Self::new()
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let forbids = self.forbids;
        let name: Arc<str> = Arc::from(name.as_str());
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((&*name, 0)).await?.collect();
            if let Some(bad) = found.iter().find(|address| forbids(address.ip())) {
                return Err(Forbidden { name: name.to_string(), address: bad.ip() }.into());
            }
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_forbidden_in_every_spelling() {
        let forbidden = [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ];
        for address in forbidden {
            assert!(is_forbidden(address.parse().unwrap()), "{address}");
        }
        let allowed = ["127.0.0.1", "10.0.0.7", "192.168.1.1", "::1", "fd00::1", "2001:db8::1", "100.100.100.201"];
        for address in allowed {
            assert!(!is_forbidden(address.parse().unwrap()), "{address}");
        }
        assert!(is_metadata_name("Metadata.Google.Internal."));
        assert!(!is_metadata_name("metadata.example.com"));
    }
}
