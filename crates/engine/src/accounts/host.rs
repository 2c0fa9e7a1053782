//! Which hosts an account's host part stands for.

use std::net::IpAddr;

/// Where a client connects from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHost {
    /// `localhost` for a loopback address or a socket file, else the address.
    pub name: String,
    /// The address, unless it came through a socket file.
    pub address: Option<IpAddr>,
}

impl ClientHost {
    /// A client on this machine.
    pub fn local() -> ClientHost {
        ClientHost {
            name: "localhost".to_string(),
            address: None,
        }
    }

    /// A client at an address.
    pub fn at(address: IpAddr) -> ClientHost {
        let address = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
            v4 => v4,
        };
        let name = if address.is_loopback() {
            "localhost".to_string()
        } else {
            address.to_string()
        };
        ClientHost {
            name,
            address: Some(address),
        }
    }

    /// From a host's name or address in text.
    pub fn parse(text: &str) -> ClientHost {
        match text.parse() {
            Ok(address) => ClientHost::at(address),
            Err(_) => ClientHost {
                name: text.to_string(),
                address: None,
            },
        }
    }

    fn is_local(&self) -> bool {
        self.name.eq_ignore_ascii_case("localhost")
    }
}

/// LIKE without collation: `%` is any text, `_` one character if `underscore`, `\` escapes.
pub(super) fn like(pattern: &str, text: &str, underscore: bool) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut i, mut j) = (0, 0);
    // Where the last `%` was, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while j < t.len() {
        let escaped = p.get(i) == Some(&'\\') && i + 1 < p.len();
        match p.get(i) {
            Some('%') => {
                star = Some((i, j));
                i += 1;
                continue;
            }
            Some('\\') if escaped && p[i + 1] == t[j] => {
                i += 2;
                j += 1;
                continue;
            }
            Some('_') if underscore => {
                i += 1;
                j += 1;
                continue;
            }
            Some(c) if !escaped && *c == t[j] => {
                i += 1;
                j += 1;
                continue;
            }
            _ => {}
        }
        let Some((at, taken)) = star else {
            return false;
        };
        star = Some((at, taken + 1));
        i = at + 1;
        j = taken + 1;
    }
    p[i..].iter().all(|c| *c == '%')
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(a) => u32::from(a).into(),
        IpAddr::V6(a) => a.into(),
    }
}

/// `net/mask` and `net/length`.
fn in_network(pattern: &str, address: IpAddr) -> bool {
    let Some((net, mask)) = pattern.split_once('/') else {
        return false;
    };
    let Ok(net) = net.parse::<IpAddr>() else {
        return false;
    };
    if net.is_ipv4() != address.is_ipv4() {
        return false;
    }
    let width: u32 = if net.is_ipv4() { 32 } else { 128 };
    let mask = match (mask.parse::<u32>(), mask.parse::<IpAddr>()) {
        (Ok(0), _) => 0,
        (Ok(n), _) if n <= width => u128::MAX << (width - n),
        (_, Ok(m)) if m.is_ipv4() == net.is_ipv4() => bits(m),
        _ => return false,
    };
    bits(address) & mask == bits(net) & mask
}

/// Whether a client is meant by an account's host part.
pub fn matches(pattern: &str, client: &ClientHost) -> bool {
    if pattern.is_empty() || pattern == "%" || pattern.eq_ignore_ascii_case(&client.name) {
        return true;
    }
    if client.is_local() && matches!(pattern, "127.0.0.1" | "::1") {
        return true;
    }
    if pattern.contains('/') {
        return client.address.is_some_and(|a| in_network(pattern, a));
    }
    if !pattern.contains(['%', '_']) {
        return false;
    }
    let pattern = pattern.to_ascii_lowercase();
    like(&pattern, &client.name.to_ascii_lowercase(), true)
        || client
            .address
            .is_some_and(|a| like(&pattern, &a.to_string(), true))
}

/// Order in which accounts that match are tried: the more a host part says, the earlier.
pub fn specificity(pattern: &str) -> (u8, std::cmp::Reverse<usize>) {
    let wild = pattern.find(['%', '_']);
    let kind = match wild {
        None if pattern.is_empty() => 3,
        None if pattern.contains('/') => 1,
        None => 0,
        Some(0) if pattern == "%" => 3,
        Some(_) => 2,
    };
    (kind, std::cmp::Reverse(wild.unwrap_or(pattern.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let local = ClientHost::parse("127.0.0.1");
        let far = ClientHost::parse("10.0.3.7");
        for pattern in [
            "localhost",
            "127.0.0.1",
            "::1",
            "%",
            "",
            "127.0.0.%",
            "local%",
        ] {
            assert!(matches(pattern, &local), "{pattern}");
        }
        for pattern in [
            "10.0.3.7",
            "10.0.%",
            "10.0.3._",
            "10.0.0.0/8",
            "10.0.0.0/255.255.0.0",
        ] {
            assert!(matches(pattern, &far), "{pattern}");
            assert!(!matches(pattern, &local), "{pattern}");
        }
        for pattern in [
            "localhost",
            "10.0.3",
            "10.1.%",
            "10.0.0.0/24",
            "10.0.0.0/99",
            "x/y",
        ] {
            assert!(!matches(pattern, &far), "{pattern}");
        }
        assert!(matches("10.0.%", &ClientHost::parse("::ffff:10.0.1.1")));
        assert!(like("a%b%c", "axxbyyc", true) && !like("a%b%c", "axxbyy", true));
        assert!(like("a\\%", "a%", true) && !like("a\\%", "ab", true));
    }

    #[test]
    fn the_exact_host_comes_first() {
        let mut list = ["%", "10.%", "10.0.0.1", "10.0.%", "10.0.0.0/8"];
        list.sort_by_key(|p| specificity(p));
        assert_eq!(list, ["10.0.0.1", "10.0.0.0/8", "10.0.%", "10.%", "%"]);
    }
}
