//! Whoever is at the other end of a request.

use std::net::IpAddr;
use yinxin_core::ids::SiteId;
use yinxin_store::seal::Sealer;

/// Characters of a browser's name that are kept to show a person their log-ins; real ones say who they are within 200.
const USER_AGENT_LIMIT: usize = 200;

/// Address and browser of a request.
#[derive(Clone, Debug)]
pub struct Client {
    ip: IpAddr,
    user_agent: String,
}

impl Client {
    pub fn new(ip: IpAddr, user_agent: &str) -> Self {
        let user_agent = user_agent
            .chars()
            .filter(|c| !c.is_control())
            .take(USER_AGENT_LIMIT)
            .collect();
        Self {
            ip: ip.to_canonical(),
            user_agent,
        }
    }

    pub(crate) fn user_agent(&self) -> &str {
        &self.user_agent
    }

    /// Stands for the address in the database. IPv6 addresses of one /64 count as one: that is what a household or an
    /// attacker is given.
    pub fn key(&self, sealer: &Sealer, site: &SiteId) -> String {
        let network = match self.ip {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        };
        sealer.fingerprint(&format!("{site}/ip"), &network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_share_a_key() {
        let sealer = Sealer::new(&[1; 32]);
        let site = SiteId::parse("jiangxi").unwrap();
        let key = |ip: &str| Client::new(ip.parse().unwrap(), "").key(&sealer, &site);
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
