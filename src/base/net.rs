use serde::{Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// One end of a connection; the port is absent where the source does not name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IPv4-mapped IPv6 addresses are unmapped, so that logs and captures compare.
    pub address: IpAddr,
    pub port: Option<u16>,
}

impl Endpoint {
    pub fn new(address: IpAddr, port: u16) -> Self {
        Self { address: address.to_canonical(), port: Some(port) }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(socket: SocketAddr) -> Self {
        Self::new(socket.ip(), socket.port())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.port) {
            (address, Some(port)) => SocketAddr::new(address, port).fmt(f),
            (address, None) => address.fmt(f),
        }
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The Wireshark display filter that shows all frames of a TCP connection.
pub fn display_filter(client: Endpoint, server: Endpoint) -> String {
    let field = if client.address.is_ipv4() { "ip.addr" } else { "ipv6.addr" };
    let ports = [client.port, server.port].into_iter().flatten();
    let ports: String = ports.map(|port| format!(" && tcp.port == {port}")).collect();
    format!("{field} == {} && {field} == {}{ports}", client.address, server.address)
}

/// An address in any of the spellings that Windows logs use: `1.2.3.4`,
/// `::ffff:1.2.3.4`, `fe80::1%12`, `[1.2.3.4]`. `LOCAL`, `-` and host names
/// give `None`.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let without_zone = inner.split('%').next().unwrap_or(inner);
    without_zone.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// An address with or without a port: `1.2.3.4:50123`, `[1.2.3.4]:50123` (the
/// spelling of RdpCoreTS 131 for UDP), `[2001:db8::5]:50123`, `2001:db8::5`.
pub fn parse_endpoint(text: &str) -> Option<Endpoint> {
    let text = text.trim();
    if let Some(address) = parse_address(text) {
        return Some(Endpoint { address, port: None });
    }
    let (host, port) = text.rsplit_once(':')?;
    let port = u16::from_str(port).ok()?;
    let bare_v6 = host.contains(':') && !host.starts_with('[');
    if bare_v6 && Ipv6Addr::from_str(host).is_err() {
        return None;
    }
    parse_address(host).map(|address| Endpoint { address, port: Some(port) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let shown = parse_endpoint(text).map_or_else(|| "none".to_owned(), |e| e.to_string());
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn endpoints_are_read_in_every_spelling_of_the_logs() {
        check("10.0.0.5:50123", "10.0.0.5:50123");
        check("[10.0.0.5]:50123", "10.0.0.5:50123");
        check("[2001:db8::5]:3389", "[2001:db8::5]:3389");
        check("::ffff:10.0.0.5", "10.0.0.5");
        check("fe80::1%12", "fe80::1");
        check("10.0.0.5", "10.0.0.5");
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in ["", "-", "LOCAL", "server01", "server01:3389", "10.0.0.5:70000", "10.0.0"] {
            check(text, "none");
        }
    }
}
