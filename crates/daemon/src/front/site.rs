//! Requests that a browser was tricked into: from a page of another site, or by a name that was bent to point here.
//!
//! A state is changed only by a request that does not come from another site (`Sec-Fetch-Site`, else `Origin`, else `Referer`);
//! scripts send none of these and pass. A server that listens on loopback and asks for no password also refuses host names that
//! are not this machine's: a page could have its own name resolve to 127.0.0.1 (DNS rebinding) and would then be of the same site.

use std::fs;

use hyper::StatusCode;
use hyper::header::{AsHeaderName, HOST, HeaderMap, ORIGIN, REFERER};

use super::reply::{self, Reply};
use super::serve::{Front, Server};

/// The names by which this machine is called.
#[derive(Debug)]
pub(super) struct OwnNames(Vec<String>);

impl OwnNames {
    /// The host name, and what /etc/hosts knows.
    pub fn read() -> Self {
        let uname = rustix::system::uname();
        let mut names = vec![uname.nodename().to_string_lossy().to_ascii_lowercase()];
        for line in fs::read_to_string("/etc/hosts").unwrap_or_default().lines() {
            let line = line.split('#').next().unwrap_or_default();
            names.extend(line.split_whitespace().skip(1).map(str::to_ascii_lowercase));
        }
        Self(names)
    }

    /// Whether a `Host` may be meant for this machine: an address, a name without a dot (no stranger can own one), or one of its
    /// names.
    fn know(&self, host: &str) -> bool {
        let name = bare(host).trim_end_matches('.').to_ascii_lowercase();
        !name.contains('.')
            || name.ends_with(".localhost")
            || name.parse::<std::net::IpAddr>().is_ok()
            || name.starts_with('[')
            || self.0.contains(&name)
    }
}

/// The refusal of a foreign host name where it could be a bent one.
pub(super) fn refuse_host(front: &Front, server: &Server, headers: &HeaderMap) -> Option<Reply> {
    let exposed = server.credentials.is_none() && server.address.is_some_and(|address| address.ip().is_loopback());
    let host = text(headers, HOST)?;
    (exposed && !front.names.know(host)).then(|| {
        reply::last(
            StatusCode::FORBIDDEN,
            "This server has no password and listens on loopback only, so it refuses host names that are not this \
             machine's. Set a password, or let the proxy send another Host header.",
        )
    })
}

/// The refusal to change a state for a page of another site.
pub(super) fn refuse_site(headers: &HeaderMap) -> Option<Reply> {
    (!is_own(headers)).then(|| {
        reply::explained(StatusCode::FORBIDDEN, "This request comes from a page of another site: nothing was done.")
    })
}

/// Whether a request says that it comes from a page of this server.
pub(super) fn is_vouched(headers: &HeaderMap) -> bool {
    is_own(headers) && (text(headers, "sec-fetch-site").is_some() || origin(headers).is_some() || has_mark(headers))
}

fn is_own(headers: &HeaderMap) -> bool {
    if has_mark(headers) {
        return true;
    }
    if let Some(site) = text(headers, "sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = origin(headers) else { return true };
    let Some((_, rest)) = origin.split_once("://") else { return false };
    let from = without_default_port(rest.split('/').next().unwrap_or(rest));
    [text(headers, HOST), text(headers, "x-forwarded-host")]
        .into_iter()
        .flatten()
        .any(|host| without_default_port(host.trim()).eq_ignore_ascii_case(from))
}

/// A header of our page's own: no page of another site can send it without being asked for permission, which is not given.
fn has_mark(headers: &HeaderMap) -> bool {
    text(headers, "x-requested-with") == Some("supervisor")
}

fn origin(headers: &HeaderMap) -> Option<&str> {
    text(headers, ORIGIN).or_else(|| text(headers, REFERER))
}

/// A header's text; one that is no text counts as absent.
pub(super) fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bare(host: &str) -> &str {
    if host.starts_with('[') {
        return host;
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn without_default_port(host: &str) -> &str {
    host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{OwnNames, is_own};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_script_and_our_own_page_may_change_states_and_another_site_may_not() {
        let host = ("host", "box:9001");
        for own in [
            &[host][..],
            &[],
            &[host, ("sec-fetch-site", "same-origin"), ("origin", "https://elsewhere.example")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "http://box:9001")],
            &[("host", "box:80"), ("origin", "http://BOX")],
            &[host, ("referer", "http://box:9001/index.html")],
            &[host, ("origin", "https://front.example"), ("x-forwarded-host", "front.example")],
            &[host, ("origin", "https://front.example"), ("x-requested-with", "supervisor")],
        ] {
            assert!(is_own(&headers(own)), "{own:?}");
        }
        for foreign in [
            &[host, ("sec-fetch-site", "cross-site")][..],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://box:9002")],
            &[host, ("referer", "http://evil.example/box:9001")],
        ] {
            assert!(!is_own(&headers(foreign)), "{foreign:?}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_known() {
        let names = OwnNames(vec!["box.lan".into()]);
        for known in
            ["localhost:9001", "127.0.0.1", "[::1]:9001", "box.lan:9001", "BOX.lan.", "supervisor", "a.localhost"]
        {
            assert!(names.know(known), "{known}");
        }
        for foreign in ["evil.example", "evil.example:9001", "127.0.0.1.nip.example:9001", "box.lan.evil.example"] {
            assert!(!names.know(foreign), "{foreign}");
        }
    }
}
